import { encode } from '@msgpack/msgpack';
import { afterEach, describe, expect, it } from 'vitest';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import { greeting, message, ready } from '../support/zmtp-bytes.ts';
import { ZmtpPeer } from '../support/zmtp-peer.ts';
import { Bridge } from './bridge.ts';
import { parseRecords } from './records.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** An engine under vLLM's default topic, which is empty, that dials in from this address. */
async function engine(port: number, from: string): Promise<(seq: number) => void> {
  const peer = await ZmtpPeer.dial(port, '127.0.0.1', from);
  cleanups.push(() => peer.end());
  peer.write(greeting({ minor: 0 }), ready());
  await peer.gets(message('\x01'));
  return (seq) => {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(seq));
    const payload = Buffer.from(encode([1_763_800_000.5 + seq, [['BlockRemoved', [seq], 'GPU']], 0]));
    peer.write(message('', number, payload));
  };
}

describe('two engines under the same empty topic on one port', () => {
  it('are two exact streams, each with its address', async () => {
    const port = await freePorts();
    const bridge = await Bridge.start({ ZMQ_PORT: String(port) });
    cleanups.push(() => bridge.stop('SIGKILL'));
    const [one, other] = [await engine(port, '127.0.0.2'), await engine(port, '127.0.0.3')];
    for (let seq = 0; seq < 50; seq += 1) {
      one(seq);
      // One number of the second engine never comes.
      if (seq !== 30) other(seq);
    }
    const lines = () => bridge.stdout.split('\n').filter((line) => line !== '');
    await waitFor(() => lines().length === 2 + 50 + 49 + 1, { what: 'all records are there' });
    const records = parseRecords(lines()) as { stream: string; type: string; seq: string; peer?: string }[];
    const of = (stream: string) => records.filter((record) => record.stream === stream);
    expect(
      records
        .filter(({ type }) => type === 'StreamStarted')
        .map(({ peer }) => peer)
        .sort(),
    ).toEqual(['127.0.0.2', '127.0.0.3']);
    expect(of('zmq/127.0.0.2//0').map(({ type, seq }) => `${type} ${seq}`)).toEqual([
      'StreamStarted 0',
      ...Array.from({ length: 50 }, (_, seq) => `BlockRemoved ${seq}`),
    ]);
    expect(of('zmq/127.0.0.3//0').filter(({ type }) => type === 'StreamGap')).toMatchObject([
      { from_seq: '30', to_seq: '30', reason: 'no_replay' },
    ]);
    expect(await bridge.stop()).toBe(0);
  });
});
