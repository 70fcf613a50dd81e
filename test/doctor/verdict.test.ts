import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/core/finding.ts';
import { bridgeFinding } from '../../src/doctor/bridge-findings.ts';
import { endpointFinding } from '../../src/doctor/endpoint-findings.ts';
import type { GroupFindings } from '../../src/doctor/examination.ts';
import { replayFinding } from '../../src/doctor/replay-findings.ts';
import { streamFinding } from '../../src/doctor/stream-findings.ts';
import { verdictOf } from '../../src/doctor/verdict.ts';
import { kafkaFinding } from '../../src/sinks/kafka/examine-findings.ts';
import { redisFinding } from '../../src/sinks/redis/examine-findings.ts';

const long = 'a very long text of an error that nobody wants to read twice '.repeat(5);
const group = (title: string, ...findings: readonly Finding[]): GroupFindings => ({ title, findings });
const verdict = (...groups: readonly GroupFindings[]) => verdictOf(groups, false);
const [a, b, c] = ['tcp://a:5557', 'tcp://b:5557', 'tcp://c:5557'] as const;
const closed = (endpoint: string) => endpointFinding('port-closed', endpoint, long);
const frames = streamFinding('frames', 'tcp://ok:5557', 'some');
const redisAway = redisFinding('redis-unreachable', 'Redis at r:6379', long, {
  cause: 'cannot be reached (ETIMEDOUT)',
});

describe('the verdict', () => {
  it('says so where all is well, and where nothing was looked at', () => {
    expect(verdict(group('s', frames))).toEqual({ sentence: 'Works.', ok: true });
    expect(verdict()).toEqual({ sentence: 'Nothing was looked at.', ok: true });
  });

  it('names a cause once, with those that have it', () => {
    expect(
      verdict(
        group(
          's',
          closed(a),
          replayFinding('replay-unreachable', `replay ${b}`, long, { cause: closed(a).cause ?? '' }),
        ),
      ),
    ).toEqual({
      sentence: `No events: ${a} and replay ${b}: connection refused, nobody listens there.`,
      ok: false,
    });
    const three = verdict(group('x', closed(a)), group('y', closed(b)), group('z', closed(c), closed(c)));
    expect(three.sentence).toBe(`No events: ${a}, ${b} and 1 more: connection refused, nobody listens there.`);
  });

  it('names three causes, and counts the others', () => {
    const topics = ['kafka-topic-missing', 'kafka-no-leader', 'kafka-not-compacted', 'kafka-compacted'] as const;
    const findings = topics.map((code, index) => kafkaFinding(code, `topic ${index}`, long));
    expect(verdict(group('sink kafka', ...findings)).sentence).toBe(
      'Does not work: topic 0: missing; topic 1: no leader; topic 2: not compacted; and 1 more.',
    );
  });

  it('leaves out what follows from a cause that was found', () => {
    const bridge = group(
      'running bridge',
      bridgeFinding('bridge-not-ready', 'http://h:8080', long),
      bridgeFinding('bridge-source-alone', `e (connect ${a})`, long, { facts: { endpoint: a } }),
      bridgeFinding('bridge-sink-down', 'sink redis', long),
    );
    const full = verdict(bridge, group(`source e: connect ${a}`, closed(a)), group('sink redis', redisAway));
    expect(full.sentence).toBe(
      `No events: ${a}: connection refused, nobody listens there; Redis at r:6379: cannot be reached (ETIMEDOUT).`,
    );
    // Here nobody has looked at Redis, nor at the engine.
    expect(verdict(bridge).sentence).toBe(`No events: e (connect ${a}): no engine is connected; sink redis: down.`);
    // Nothing else says why.
    const alone = group('running bridge', bridgeFinding('bridge-not-ready', 'http://h:8080', long));
    expect(verdict(alone).sentence).toBe('Does not work: http://h:8080: the bridge is not ready.');
  });

  it('tells whether all fails, or a part of it', () => {
    expect(verdict(group('x', frames), group('y', closed(b))).sentence).toMatch(/^Works in part: tcp:\/\/b/);
    expect(verdict(group('x', frames), group('sink redis', redisAway)).sentence).toMatch(/^Does not work: Redis/);
    const both = verdict(group('x', frames), group('y', closed(b)), group('sink redis', redisAway));
    expect(both.sentence).toMatch(/^Does not work: tcp:\/\/b:5557: .*; Redis at/);
  });

  it('is about failures where there are some, else about warnings', () => {
    const idle = streamFinding('frames-none', a, long);
    const skew = streamFinding('clock-skew', '"t"', long, { cause: 'clock ahead of ours' });
    expect(verdict(group('s', idle, skew))).toEqual({
      sentence: `No events so far: ${a}: connected, and no frame came; "t": clock ahead of ours.`,
      ok: true,
    });
    expect(verdict(group('s', frames, idle)).sentence).toMatch(/^Works, with a warning: tcp:\/\/a/);
    expect(verdict(group('s', idle, closed(b))).sentence).not.toContain(a);
  });

  it('cuts subjects that publishers made long', () => {
    const { sentence } = verdict(group('s', streamFinding('undecodable', `"${long}"`, 'x')));
    expect(sentence.length).toBeLessThan(120);
  });

  it('of an examination that was interrupted is no', () => {
    expect(verdictOf([group('s', frames)], true)).toEqual({
      sentence: 'Interrupted: not everything was looked at.',
      ok: false,
    });
    expect(verdictOf([group('s', closed(a))], true).sentence).toMatch(/looked at; so far: tcp:\/\/a:5557: connection/);
  });
});
