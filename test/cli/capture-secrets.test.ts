import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../src/core/frame.ts';
import { sequenceFrame } from '../../src/simulator/replay.ts';
import { encoded, someFrame } from '../capture/support.ts';
import { Program } from '../e2e/bridge.ts';
import { linesOf } from '../e2e/records.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import { RawPublisher } from '../support/zmq.ts';
import { runInMemory } from './memory-edge.ts';

const password = 'c4n4ry-S3cret';
/** A token id that nothing else looks like. */
const token = 987_654_321;
const folder = mkdtempSync(join(tmpdir(), 'kv-capture-secrets-'));
const path = join(folder, 'a.kvcap');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stored = (tokens: unknown, hashes: unknown = [1]) => ['BlockStored', hashes, null, tokens, 2, null, 'GPU', null];
const payload = (...events: unknown[]) => Buffer.from(encode([1_763_800_000, events, 0]));
const good = payload(stored([token, token]));
const bodies = [
  good,
  payload(stored([token], 'no hashes'), stored(`${token}`), ['Unknown', [token]]),
  Buffer.concat([good, good]),
  Buffer.from(`no msgpack ${token}`),
  good.subarray(0, good.length - 3),
];
const frames: readonly Frame[] = [...bodies, ...bodies].map((body, index) => ({
  ...someFrame,
  parts: [Buffer.from('kv@a@m'), sequenceFrame(BigInt(index * 2)), body],
}));

beforeAll(() => writeFileSync(path, encoded(frames).bytes));

/** All that is said beside records. */
const commands: readonly (readonly [string, readonly string[]])[] = [
  ['replay into a file', ['replay', path, '--to', 'file', '--file-dir', join(folder, 'data'), '--speed', 'max']],
  ['replay to nobody', ['replay', path, '--to', 'tcp://127.0.0.1:9', '--settle', '0', '--speed', 'max']],
  ['stats', ['stats', path]],
];

describe('neither capture nor replay nor stats tells token ids or passwords', () => {
  it.each(commands.flatMap(([name, argv]) => [[name, argv] as const, [`${name}, JSON`, [...argv, '--json']] as const]))(
    '%s',
    async (_, argv) => {
      const env = { REDIS_PASSWORD: password, REDIS_URL: `redis://u:${password}@h` };
      const { exitCode, stdout, stderr } = await runInMemory(argv, env);
      expect(exitCode, stderr).toBe(0);
      expect(stdout).not.toBe('');
      expect(stdout + stderr).not.toContain(String(token));
      expect(stdout + stderr).not.toContain(password);
    },
  );

  it('replay with records on standard output: they have the tokens, nothing else has', async () => {
    const { exitCode, stdout, stderr } = await runInMemory(['replay', path, '--speed', 'max']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(String(token));
    expect(linesOf(stdout).every((line) => line.startsWith('{"v":1,'))).toBe(true);
    expect(stderr).toContain('10 of 10 frames');
    expect(stderr).not.toContain(String(token));
  });

  it('replay into a store with a wrong password, or that is none', async () => {
    const port = await freePorts();
    for (const to of ['redis', 'kafka']) {
      const env = {
        ...{ REDIS_URL: `redis://u:${password}@127.0.0.1:${port}`, KAFKA_BROKERS: `127.0.0.1:${port}` },
        ...{ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: password },
        ...{ DRAIN_TIMEOUT: '100ms', CHECKPOINT_WAIT: '0' },
      };
      const replay = new Program('replay', { args: [path, '--to', to, '--speed', 'max', '--json'], env });
      await waitFor(() => replay.stderr.includes('trying again'), { what: `${to} is away` });
      expect(await replay.stop('SIGINT'), replay.stderr).toBe(1);
      expect(replay.stdout + replay.stderr).not.toContain(password);
      expect(replay.stdout + replay.stderr).not.toContain(String(token));
    }
  });

  it('capture, of frames that nobody can read, and of a damaged file', async () => {
    const port = await freePorts();
    const file = join(folder, 'b.kvcap');
    const args = [file, '--bind', `tcp://127.0.0.1:${port}`, '--count', String(frames.length)];
    const capture = new Program('capture', { args, env: { REDIS_PASSWORD: password } });
    await waitFor(() => capture.stderr.includes('listening'), { what: 'it listens' });
    const publisher = RawPublisher.connect(`tcp://127.0.0.1:${port}`);
    await publisher.subscribed();
    for (const { parts } of frames) await publisher.send(...parts);
    expect(await capture.exited, capture.stderr).toBe(0);
    publisher.close();
    expect(capture.stdout + capture.stderr).not.toContain(String(token));
    // They would be seen: the file has them.
    const bytes = readFileSync(file);
    expect(bytes.includes(`no msgpack ${token}`)).toBe(true);
    bytes[bytes.length - 300] = (bytes.at(-300) ?? 0) ^ 1;
    writeFileSync(file, bytes);
    for (const command of ['replay', 'stats']) {
      const { exitCode, stderr } = await runInMemory([command, file]);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('damaged at byte');
      expect(stderr).not.toContain(String(token));
    }
  });
});

describe('stats of a capture', () => {
  it('are those of the records that a replay of it writes', async () => {
    const { stdout: records } = await runInMemory(['replay', path, '--speed', 'max']);
    const ndjson = join(folder, 'records.ndjson');
    writeFileSync(ndjson, records);
    const [ofRecords, ofCapture] = [
      await runInMemory(['stats', ndjson, '--json']),
      await runInMemory(['stats', path, '--json']),
    ];
    expect(ofCapture.exitCode, ofCapture.stderr).toBe(0);
    expect(JSON.parse(ofCapture.stdout)).toEqual(JSON.parse(ofRecords.stdout));
    expect(ofCapture.stdout).toContain('"BlockStored"');
  });

  it('of one that was cut are those of what is there, and say so', async () => {
    const file = join(folder, 'cut.kvcap');
    const { bytes, ends } = encoded(frames);
    writeFileSync(file, bytes.subarray(0, (ends[4] ?? 0) + 7));
    const { exitCode, stdout, stderr } = await runInMemory(['stats', file, '--json']);
    expect(exitCode).toBe(0);
    expect(stderr).toBe(
      `stats: ${file} was cut, or is still written: it can be read up to byte ${ends[4]} of ${(ends[4] ?? 0) + 7}\n`,
    );
    expect(stdout).toContain('"BlockStored"');
  });
});
