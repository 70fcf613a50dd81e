import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { concluded } from '../../src/cli/conclusion.ts';
import type { Conclusion } from '../../src/cli/supervision.ts';
import { BridgeError } from '../../src/core/errors.ts';
import { createLog } from '../../src/telemetry/log.ts';

function conclude(conclusion: Conclusion<ReadonlyMap<string, number>>, accounting?: Record<string, unknown>) {
  const stderr = new PassThrough();
  const log = createLog('info', stderr);
  const exitCode = concluded(conclusion, { log, name: 'fleet-a', ...(accounting && { accounting }) });
  return { exitCode, line: JSON.parse(String(stderr.read())) as Record<string, unknown> };
}

const nothing = new Map([['redis', 0]]);
const some = new Map([
  ['redis', 3],
  ['file', 0],
]);

describe('the last log line', () => {
  it('says that nothing is left, with exit code 0', () => {
    expect(conclude({ end: 'stopped', left: nothing })).toMatchObject({
      exitCode: 0,
      line: { level: 'info', msg: 'stopped: nothing is left to write' },
    });
  });

  it('counts what is left, with exit code 1', () => {
    expect(conclude({ end: 'stopped', left: some })).toMatchObject({
      exitCode: 1,
      line: { level: 'error', undelivered: { redis: 3 } },
    });
  });

  it('says FENCED with the name and what to do, with exit code 1', () => {
    const { exitCode, line } = conclude({ end: 'fenced', left: nothing });
    expect(exitCode).toBe(1);
    expect(line).toMatchObject({ level: 'fatal', code: 'FENCED', name: 'fleet-a', undelivered: {} });
    expect(line['msg']).toMatch(/another bridge with the name "fleet-a" has taken over.*BRIDGE_NAME.*STANDBY=true/);
  });

  it('gives a failure its code, with exit code 1', () => {
    const failure = new BridgeError('HTTP_LISTEN', 'the port is taken');
    expect(conclude({ end: 'failed', failure, left: nothing })).toMatchObject({
      exitCode: 1,
      line: { level: 'fatal', code: 'HTTP_LISTEN', msg: 'stopped: the port is taken' },
    });
    expect(conclude({ end: 'failed', failure: new Error('odd'), left: nothing }).line['code']).toBe('UNEXPECTED');
  });

  it.each(['stopped', 'fenced', 'failed'] as const)('has the accounting when %s', (end) => {
    const accounting = { redis: { received: 5, delivered: 5 } };
    for (const left of [nothing, some]) {
      expect(conclude({ end, failure: new Error('x'), left }, accounting).line).toMatchObject({ accounting });
    }
  });
});
