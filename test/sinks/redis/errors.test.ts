import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ErrorRow } from '../../../src/sinks/redis/errors.ts';
import {
  movedTo,
  phraseErrors,
  replyErrors,
  systemErrors,
  tlsError,
  troubleOf,
  unknownError,
} from '../../../src/sinks/redis/errors.ts';

/** What servers and libraries really say, for every row that only its text tells apart. */
const phrases: readonly (readonly [code: string, text: string])[] = [
  ['NOPERM', "ERR The user executing the script can't run this command or subcommand script: 3f0"],
  ['NOPERM', "-NOPERM User worker has no permissions to run the 'xadd' command"],
  ['MAXCLIENTS', 'ERR max number of clients reached'],
  ['NO_CLUSTER', 'ERR This instance has cluster support disabled'],
  ['DATABASE', 'ERR DB index is out of range'],
  ['DATABASE', 'ERR SELECT is not allowed in cluster mode'],
  ['REQUEST_SIZE', 'ERR Protocol error: invalid bulk length'],
  ['REQUEST_SIZE', 'ERR max request size exceeded'],
  ['UNKNOWN_COMMAND', "ERR unknown command 'EVALSHA', with args beginning with: '3f0'"],
  ['UNKNOWN_MASTER', 'All sentinels are unreachable and retry is disabled.'],
  ['SENTINEL', 'All sentinels are unreachable and retry is disabled. Last error: Connection is closed.'],
  ['TIMEOUT', 'Command timed out'],
  ['TIMEOUT', 'the connection did not open within 2000 ms'],
  ['CONNECTION_CLOSED', 'Connection is closed.'],
  ['CONNECTION_CLOSED', "Stream isn't writeable and enableOfflineQueue options is false"],
  ['CONNECTION_CLOSED', 'Command aborted due to connection close'],
  ['CONNECTION_CLOSED', 'Client network socket disconnected before secure TLS connection was established'],
];

function phraseRow(code: string): ErrorRow | undefined {
  return phraseErrors.find((row) => row.code === code);
}

describe('troubleOf', () => {
  it.each(Object.entries(replyErrors))('knows the reply %s', (code, row) => {
    const trouble = troubleOf(new Error(`${code} what the server says`));
    expect(trouble).toMatchObject({ ...row, code });
    expect(trouble.message).toBe(`${code} what the server says (${row.remedy})`);
  });

  it.each(Object.entries(replyErrors))('knows the reply %s from a script of Redis 6', (code, row) => {
    const text = `ERR Error running script (call to f_3f0): @user_script:12: -${code} what the server says`;
    expect(troubleOf(new Error(text))).toMatchObject({ kind: row.kind, code });
  });

  it.each(phrases)('knows %s from "%s"', (code, text) => {
    expect(troubleOf(new Error(text))).toMatchObject({ kind: phraseRow(code)?.kind, code });
  });

  it('has a phrase for each of its patterns in this test', () => {
    expect(new Set(phrases.map(([code]) => code))).toEqual(new Set(phraseErrors.map(({ code }) => code)));
  });

  it.each(Object.entries(systemErrors))('knows the system error %s', (code, row) => {
    const trouble = troubleOf(Object.assign(new Error('some text'), { code }));
    expect(trouble).toMatchObject({ ...row, code, message: `some text (${row.remedy})` });
  });

  it('gives all other errors of TLS one code', () => {
    const error = Object.assign(new Error('wrong version number'), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
    expect(troubleOf(error)).toMatchObject({ ...tlsError, code: 'TLS' });
  });

  it.each([
    new Error('SOMETHING new'),
    new Error('ERR nobody has seen before'),
    new Error('constructor of all'),
    Object.assign(new Error('x'), { code: 'toString' }),
    'text',
    undefined,
  ])('tries again after what it does not know, under one code: %s', (error) => {
    expect(troubleOf(error)).toMatchObject({ ...unknownError, code: 'UNKNOWN' });
  });

  it('shows every address of a host that has several', () => {
    const refused = ['::1', '127.0.0.1'].map((host) => new Error(`connect ECONNREFUSED ${host}:6379`));
    const error = Object.assign(new AggregateError(refused), { code: 'ECONNREFUSED' });
    expect(troubleOf(error)).toMatchObject({ code: 'ECONNREFUSED' });
    expect(troubleOf(error).message).toContain('::1:6379, connect ECONNREFUSED 127.0.0.1:6379');
  });
});

describe('movedTo', () => {
  it.each([
    ['MOVED 3999 10.0.0.7:6381', { host: '10.0.0.7', port: 6381 }],
    ['MOVED 3999 fd00::7:6381', { host: 'fd00::7', port: 6381 }],
    ['MOVED 3999 :6381', { host: null, port: 6381 }],
    ['ASK 3999 10.0.0.7:6381', null],
  ])('reads %s', (text, expected) => {
    expect(movedTo(new Error(text))).toEqual(expected);
  });
});

describe('docs/sinks/redis.md', () => {
  it('has the same error table as the code', () => {
    const page = readFileSync('docs/sinks/redis.md', 'utf8');
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (transient|destination|reopen|fenced) \| (.+) \|$/gm)];
    const documented = Object.fromEntries(rows.map(([, code, kind, remedy]) => [code, { kind, remedy }]));
    const all: [string, ErrorRow][] = [
      ...Object.entries(replyErrors),
      ...phraseErrors.map((row): [string, ErrorRow] => [row.code, row]),
      ...Object.entries(systemErrors),
      ['TLS', tlsError],
      ['UNKNOWN', unknownError],
    ];
    expect(documented).toEqual(Object.fromEntries(all.map(([code, { kind, remedy }]) => [code, { kind, remedy }])));
  });
});
