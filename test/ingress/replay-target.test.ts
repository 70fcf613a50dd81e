import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Stream } from '../../src/core/stream.ts';
import type { ReplayTargetOptions } from '../../src/ingress/replay-target.ts';
import { replayTarget } from '../../src/ingress/replay-target.ts';

const allow = [
  { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
  { address: 'fd00::', prefix: 8, family: 'ipv6' },
] as const;

function streamOf(pod: string | null, rank: string | null = null): Stream {
  const topic = pod === null ? '' : `kv@${pod}@m`;
  return { id: `zmq/${topic}/${rank ?? '-'}`, source: 'zmq', host: null, topic, pod, model: 'm', rank };
}

function target(options: Partial<ReplayTargetOptions>, stream: Stream, peer: string | null = null): string | null {
  return replayTarget({ replay: 'tcp://{pod_host}:5558', allow, dataParallelSize: 1, ...options })(stream, peer);
}

describe('the replay endpoint of a stream, from a template', () => {
  it.each([
    ['10.0.0.5', 'tcp://10.0.0.5:5558'],
    ['10.0.0.5:8000', 'tcp://10.0.0.5:5558'],
    ['fd00::7', 'tcp://[fd00::7]:5558'],
    ['fd00::7:8000', 'tcp://[fd00::7:8000]:5558'],
    ['[fd00::7]', 'tcp://[fd00::7]:5558'],
    ['[fd00::7]:8000', 'tcp://[fd00::7]:5558'],
    ['::ffff:10.0.0.5', 'tcp://10.0.0.5:5558'],
    ['[::FFFF:a00:5]:8000', 'tcp://10.0.0.5:5558'],
    ['0:0:0:0:0:ffff:10.0.0.5', 'tcp://10.0.0.5:5558'],
  ])('has the host of pod %s', (pod, endpoint) => {
    expect(target({}, streamOf(pod))).toBe(endpoint);
  });

  it.each([
    ['11.0.0.5'],
    ['127.0.0.1'],
    ['169.254.169.254:80'],
    ['fe80::1'],
    ['::1'],
    ['::ffff:169.254.169.254'],
    ['::ffff:a9fe:a9fe'],
    ['0:0:0:0:0:ffff:7f00:1'],
    ['::10.0.0.5'],
  ])('is none for %s, which is outside the allowed networks', (pod) => {
    expect(target({}, streamOf(pod))).toBeNull();
  });

  it.each([
    ['engine-7'],
    ['10.0.0.5.evil.example'],
    ['localhost:8000'],
    ['010.0.0.5'],
    ['10.5'],
    ['167772165'],
    ['0xa000005'],
    ['fd00::7%eth0'],
    ['[fd00::7%25eth0]:1'],
    ['10.0.0.5;10.0.0.6'],
    ['10.0.0.5:1:2'],
    ['10.0.0.5:'],
    [':10.0.0.5'],
    ['10.0.0.5 '],
    ['10.0.0.5:80\n'],
    ['[fd00::7]x'],
    ['[fd00::7]:'],
    ['{pod_host}'],
    [''],
    ['*'],
    ['0.0.0.0'],
  ])('is none for %j, which is no address', (pod) => {
    expect(target({}, streamOf(pod))).toBeNull();
  });

  it('an IPv4 address written as IPv6 is one of IPv4: networks of IPv6 do not allow it', () => {
    const everyV6 = [{ address: '::', prefix: 0, family: 'ipv6' }] as const;
    expect(target({ allow: everyV6 }, streamOf('2001:db8::7'))).toBe('tcp://[2001:db8::7]:5558');
    for (const pod of ['::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '10.0.0.5']) {
      expect(target({ allow: everyV6 }, streamOf(pod))).toBeNull();
    }
  });

  it('a network of IPv4 may be written as IPv6, too', () => {
    const mapped = [{ address: '::ffff:10.0.0.0', prefix: 104, family: 'ipv6' }] as const;
    for (const pod of ['10.9.9.9', '::ffff:10.9.9.9']) {
      expect(target({ allow: mapped }, streamOf(pod))).toBe('tcp://10.9.9.9:5558');
    }
    expect(target({ allow: mapped }, streamOf('11.0.0.1'))).toBeNull();
  });

  it('is none without a pod, and none where no network is allowed', () => {
    expect(target({}, streamOf(null))).toBeNull();
    expect(target({ allow: [] }, streamOf('10.0.0.5'))).toBeNull();
  });

  it('leads nowhere but to an allowed address, whatever the topic says', () => {
    const piece = fc.oneof(
      fc.constantFrom('10.', '10.0.0.5', 'fd00::', '[', ']', ':', '%', '@', '/', ';'),
      fc.string(),
    );
    const pods = fc.oneof(
      fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
      fc.ipV4(),
      fc.ipV6(),
    );
    let reached = 0;
    fc.assert(
      fc.property(pods, (pod) => {
        const endpoint = target({}, streamOf(pod));
        if (endpoint === null) return;
        reached += 1;
        expect(endpoint).toMatch(/^tcp:\/\/(?:10\.\d+\.\d+\.\d+|\[fd[\da-f:.]+\]):5558$/i);
      }),
      { numRuns: 3_000, examples: [['10.0.0.5']] },
    );
    expect(reached).toBeGreaterThan(0);
  });
});

describe('the replay endpoint of a rank', () => {
  it.each([
    [null, 'tcp://10.0.0.5:5558'],
    ['0', 'tcp://10.0.0.5:5558'],
    ['3', 'tcp://10.0.0.5:5561'],
  ])('%s of four is on port + rank', (rank, endpoint) => {
    expect(target({ dataParallelSize: 4 }, streamOf('10.0.0.5', rank))).toBe(endpoint);
    expect(target({ dataParallelSize: 4, replay: 'tcp://10.0.0.5:5558' }, streamOf(null, rank))).toBe(endpoint);
  });

  it.each(['4', '-1', '99999999999', '0x1', '1.5', 'nan', ''])('%s is none where there are four', (rank) => {
    expect(target({ dataParallelSize: 4 }, streamOf('10.0.0.5', rank))).toBeNull();
  });

  it('is the configured one where a source has one port, whatever rank its engine is', () => {
    expect(target({ replay: 'tcp://10.0.0.5:5559' }, streamOf(null, '1'))).toBe('tcp://10.0.0.5:5559');
  });

  it('is none beyond the last port', () => {
    expect(target({ dataParallelSize: 4, replay: 'tcp://10.0.0.5:65533' }, streamOf(null, '3'))).toBeNull();
    expect(target({ dataParallelSize: 4, replay: 'tcp://10.0.0.5:65533' }, streamOf(null, '2'))).toBe(
      'tcp://10.0.0.5:65535',
    );
  });
});

describe('the replay endpoint of a source', () => {
  it('that has none is none', () => {
    expect(target({ replay: null }, streamOf('10.0.0.5'))).toBeNull();
  });

  it('that is fixed needs no pod and no network', () => {
    expect(target({ replay: 'tcp://engine:5558', allow: [] }, streamOf('127.0.0.1'))).toBe('tcp://engine:5558');
    expect(target({ replay: 'ipc:///run/replay', allow: [] }, streamOf(null))).toBe('ipc:///run/replay');
  });
});

describe('the replay endpoint of a stream, from the address that its publisher dials in from', () => {
  const replay = 'tcp://{peer}:5558';

  it.each([
    ['10.0.0.5', 'tcp://10.0.0.5:5558'],
    ['192.168.1.1', 'tcp://192.168.1.1:5558'],
    ['fd00::7', 'tcp://[fd00::7]:5558'],
    [null, null],
  ])('%s is %s, whatever the topic says and whichever networks are allowed', (peer, endpoint) => {
    expect(target({ replay, allow: [] }, streamOf('10.0.0.99'), peer)).toBe(endpoint);
    expect(target({ replay, allow: [] }, streamOf(null), peer)).toBe(endpoint);
  });

  it('counts ranks on the port', () => {
    expect(target({ replay, dataParallelSize: 2 }, streamOf(null, '1'), '10.0.0.5')).toBe('tcp://10.0.0.5:5559');
  });
});
