import { afterEach, expect, it } from 'vitest';
import zmq from 'zeromq';
import { makeProfile, payloadAt, topicOf } from '../../bench/load/profiles.ts';
import type { Publisher } from '../../bench/load/publisher.ts';
import { dialLibzmq, dialRaw } from '../../bench/load/publisher.ts';
import { freePorts } from '../support/ports.ts';

const profile = makeProfile('mixed') ?? { name: '', payloads: [] };
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function listen() {
  const socket = new zmq.Subscriber({ receiveHighWaterMark: 10 });
  const port = await freePorts();
  await socket.bind(`tcp://127.0.0.1:${port}`);
  socket.subscribe();
  ends.push(() => socket.close());
  // libzmq tells a new peer of the subscription only while somebody receives.
  return { socket, port, first: socket.receive() };
}

function closeLater(publisher: Publisher): Publisher {
  ends.push(() => publisher.close());
  return publisher;
}

it.each([
  ['raw', dialRaw],
  ['libzmq', dialLibzmq],
])('the %s publisher sends every number in order to a slow libzmq subscriber', async (_, dial) => {
  const { socket, port, first } = await listen();
  const publisher = closeLater(await dial(port, profile, 3));
  const count = 5_000;
  const sending = publisher.flood(0, count);
  for (let seq = 0; seq < count; seq += 1) {
    const [topic, number, payload] = await (seq === 0 ? first : socket.receive());
    expect([topic?.toString(), number?.readBigUInt64BE()]).toEqual([topicOf(3), BigInt(seq)]);
    expect(payload?.equals(payloadAt(profile, 3, seq).bytes)).toBe(true);
  }
  await sending;
});

it.each([
  ['raw', dialRaw],
  ['libzmq', dialLibzmq],
])('the %s publisher puts the time into a batch and nothing else', async (_, dial) => {
  const { port, first } = await listen();
  const publisher = closeLater(await dial(port, profile, 0));
  publisher.send(9, 1_795_000_000.25);
  const [, , payload = Buffer.alloc(0)] = await first;
  expect(payload.readDoubleBE(2)).toBe(1_795_000_000.25);
  const sent = payloadAt(profile, 0, 9).bytes;
  expect(payload.subarray(10)).toEqual(sent.subarray(10));
  expect(sent.readDoubleBE(2)).not.toBe(1_795_000_000.25);
});
