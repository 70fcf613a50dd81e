// The load generator, a process of its own: what it costs is no part of what is measured. Told by messages of its parent.
import { setTimeout as sleep } from 'node:timers/promises';
import { makeProfile } from './profiles.ts';
import type { Publisher } from './publisher.ts';
import { dialLibzmq, dialRaw } from './publisher.ts';

export interface Load {
  readonly profile: string;
  readonly streams: number;
  readonly port: number;
  readonly publisher: 'raw' | 'libzmq';
  /** Batches per second of all streams together; null: as fast as they are taken. */
  readonly rate: number | null;
}

/** Numbers to send on each stream: from the first, up to but without the second. */
export interface Part {
  readonly from: number;
  readonly to: number;
}

/** Batches of one stream before the next has its turn, in a flood: engines send side by side. */
const turn = 64;

let publishers: Publisher[] = [];
let load: Load | undefined;

process.on('message', (message: Load | Part | 'end') => {
  const work = message === 'end' ? end() : 'from' in message ? send(message) : open(message);
  work.catch((error: unknown) => {
    process.stderr.write(`load generator: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit(0));

async function open(given: Load): Promise<void> {
  const profile = makeProfile(given.profile);
  if (profile === null) throw new Error(`there is no profile ${given.profile}`);
  load = given;
  const dial = given.publisher === 'raw' ? dialRaw : dialLibzmq;
  for (let stream = 0; stream < given.streams; stream += 1) {
    publishers.push(await dial(given.port, profile, stream));
  }
  process.send?.('ready');
}

async function send(part: Part): Promise<void> {
  if (load === undefined) throw new Error('told to go before it was told what to send');
  await (load.rate === null ? flood(part) : pace(part, load.streams, load.rate));
  process.send?.('sent');
}

async function flood({ from, to }: Part): Promise<void> {
  await Promise.all(
    publishers.map(async (publisher) => {
      for (let at = from; at < to; at += turn) await publisher.flood(at, Math.min(to, at + turn));
    }),
  );
}

/** In turns, each as its time comes; a late timer sends what is due at once, so the rate holds on average. */
async function pace({ from, to }: Part, streams: number, rate: number): Promise<void> {
  const start = performance.now();
  for (let number = 0; number < (to - from) * streams; number += 1) {
    const due = start + (number * 1_000) / rate;
    while (performance.now() < due) await sleep(1);
    publishers[number % streams]?.send(
      from + Math.floor(number / streams),
      (performance.timeOrigin + performance.now()) / 1_000,
    );
  }
}

async function end(): Promise<void> {
  for (const publisher of publishers) publisher.close();
  publishers = [];
  process.disconnect();
}
