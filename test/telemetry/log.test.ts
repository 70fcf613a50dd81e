import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/core/observer.ts';
import { logFacts } from '../../src/telemetry/facts-log.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { examples } from './facts.ts';

type LogLine = Record<string, unknown>;

function setUp(level: 'debug' | 'info' | 'silent' = 'debug') {
  const stderr = new PassThrough();
  let now = 0;
  const observe = logFacts(createLog(level, stderr), () => now);
  const lines = (): LogLine[] =>
    String(stderr.read() ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogLine);
  return {
    observe,
    lines,
    wait: (ms: number) => {
      now += ms;
    },
  };
}

function say(fact: Fact): LogLine | undefined {
  const { observe, lines } = setUp();
  observe(fact);
  return lines()[0];
}

describe('log', () => {
  it('writes one JSON object per line with ISO time, level as a word and nothing of the host', () => {
    const stderr = new PassThrough();
    createLog('info', stderr).warn({ a: 1 }, 'hello');
    const line = JSON.parse(String(stderr.read())) as LogLine;
    expect(Object.keys(line).sort()).toEqual(['a', 'level', 'msg', 'time']);
    expect(line).toMatchObject({ level: 'warn', msg: 'hello', a: 1 });
    expect(line['time']).toBe(new Date(String(line['time'])).toISOString());
  });

  it('survives a stderr that nobody reads', () => {
    const stderr = new PassThrough();
    const log = createLog('info', stderr);
    stderr.destroy(new Error('write EPIPE'));
    log.info('into the void');
  });
});

describe('facts in the log', () => {
  it.each([
    ['source-open', 'info'],
    ['source-closed', 'info'],
    ['source-peers', 'info'],
    ['source-trouble', 'warn'],
    ['undecodable', 'warn'],
    ['duplicate', 'debug'],
    ['stream-started', 'info'],
    ['stream-gap', 'warn'],
    ['stream-restarted', 'warn'],
    ['stream-shared', 'warn'],
    ['stream-evicted', 'warn'],
    ['sink-up', 'info'],
    ['sink-down', 'error'],
    ['sink-retry', 'debug'],
    ['dead-lettered', 'warn'],
    ['dropped', 'warn'],
    ['sink-note', 'warn'],
    ['role', 'info'],
    ['fenced', 'warn'],
    ['lease-renewal', 'debug'],
    ['lease-lapsed', 'warn'],
  ] as const)('says %s at level %s', (fact, level) => {
    expect(say(examples[fact])).toMatchObject({ fact, level, msg: expect.stringMatching(/^.{10,}$/) });
  });

  it.each([
    'frame-received',
    'batch-accepted',
    'delivered',
    'lane',
    'accounting',
    'sink-error',
    'lane-standing',
    'streams-standing',
  ] as const)('leaves %s to the metrics', (fact) => {
    expect(say(examples[fact])).toBeUndefined();
  });

  it('gives a sink that is down its remedy as the sentence', () => {
    expect(say(examples['sink-down'])).toMatchObject({
      msg: 'redis: delete the key',
      code: 'WRONGTYPE',
      sink: 'redis',
    });
    expect(say({ ...examples['sink-down'], kind: 'transient' })).toMatchObject({ level: 'warn' });
    expect(say({ ...examples['sink-down'], kind: 'closed' })).toMatchObject({ level: 'info' });
  });

  it('says what the bridge is among those of its name, except that it is active from the start', () => {
    expect(say({ fact: 'role', role: 'active', reason: 'start' })).toBeUndefined();
    expect(say({ fact: 'role', role: 'standby', reason: 'start' })).toMatchObject({ level: 'info', role: 'standby' });
    expect(say({ fact: 'role', role: 'standby', reason: 'fenced' })).toMatchObject({ level: 'info', reason: 'fenced' });
    expect(say({ ...examples['lease-renewal'], outcome: 'renewed' })).toBeUndefined();
  });

  it('writes sequence numbers as text, exactly', () => {
    expect(say(examples.duplicate)).toMatchObject({ seq: '18446744073709551615' });
    expect(say(examples['stream-gap'])).toMatchObject({
      from: '10',
      to: '19',
      msg: expect.stringContaining('10 sequence'),
    });
  });

  it('cuts names that a publisher chose', () => {
    const line = say({ ...examples['stream-gap'], stream: 'x'.repeat(100_000) });
    expect(String(line?.['stream']).length).toBeLessThan(300);
  });

  it('says nothing below the level', () => {
    const { observe, lines } = setUp('info');
    observe(examples['sink-retry']);
    expect(lines()).toEqual([]);
  });

  it('stops after a few of a kind and says later how many it left out', () => {
    const { observe, lines, wait } = setUp();
    for (let n = 0; n < 100; n += 1) observe(examples['stream-gap']);
    expect(lines()).toHaveLength(5);
    wait(10_000);
    observe(examples['stream-gap']);
    observe(examples['stream-gap']);
    const later = lines();
    expect(later[0]).toMatchObject({ suppressed: 95 });
    expect(later[1]).not.toHaveProperty('suppressed');
  });

  it.each(Object.values(examples).filter((fact) => say(fact) !== undefined))(
    'limits the lines of $fact, and says how many it left out',
    (fact) => {
      const { observe, lines, wait } = setUp();
      for (let n = 0; n < 50; n += 1) observe(fact);
      const first = lines();
      expect(first.length).toBeLessThanOrEqual(5);
      wait(10_000);
      observe(fact);
      expect(lines()).toMatchObject([{ suppressed: 50 - first.length }]);
    },
  );

  it('says each in one sentence of one line', () => {
    for (const fact of Object.values(examples)) {
      const text = String(say(fact)?.['msg'] ?? '');
      expect(text.length, text).toBeLessThan(130);
      expect(text).not.toMatch(/[\n.]$|\n/);
    }
  });

  it('counts each source, sink and kind of fact for itself', () => {
    const { observe, lines } = setUp();
    for (let n = 0; n < 10; n += 1) {
      observe(examples['stream-gap']);
      observe({ ...examples['stream-gap'], source: 'other' });
      observe(examples['stream-restarted']);
      observe(examples['sink-note']);
    }
    expect(lines()).toHaveLength(20);
  });

  it('goes on when the clock is set back', () => {
    const { observe, lines, wait } = setUp();
    for (let n = 0; n < 10; n += 1) observe(examples['stream-gap']);
    lines();
    wait(-3_600_000);
    observe(examples['stream-gap']);
    expect(lines()).toHaveLength(1);
  });
});
