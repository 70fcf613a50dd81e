// The limit of the libraries that write: ready records, in the largest helpings that are of use. Begins when told by a
// line on stdin, which names the numbers to send, so that making the records is not measured.
import { createInterface } from 'node:readline';
import { decodePayload } from '../../src/wire/decode.ts';
import { renderEvents } from '../../src/wire/records.ts';
import type { Part } from '../load/process.ts';
import { makeProfile, payloadAt, topicOf } from '../load/profiles.ts';
import type { Job } from './job.ts';
import { readJob } from './job.ts';
import { openWriter } from './writers.ts';

const helpingRecords = 1_000;
const helpingBytes = 786_432;

const job = readJob();
process.on('SIGTERM', () => process.exit(0));
const records = makeRecords(job);
const write = await openWriter(job.address);
process.stderr.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { from, to } = JSON.parse(line) as Part;
  for (const helping of helpings(records.slice(from, to).flat())) await write(helping);
}

/** By number of the batch. */
function makeRecords({ profile: name, streams, batches }: Job): Buffer[][] {
  const profile = makeProfile(name);
  if (profile === null) throw new Error(`there is no profile ${name}`);
  const all: Buffer[][] = [];
  for (let seq = 0; seq < batches; seq += 1) {
    const ofNumber: Buffer[] = [];
    for (let stream = 0; stream < streams; stream += 1) {
      const decoded = decodePayload(payloadAt(profile, stream, seq).bytes);
      if (!decoded.ok) throw new Error(decoded.failure.message);
      const { bytes, ends } = renderEvents(envelope(topicOf(stream), seq), decoded.batch);
      for (const [index, end] of ends.entries()) ofNumber.push(bytes.subarray(ends[index - 1] ?? 0, end));
    }
    all.push(ofNumber);
  }
  return all;
}

function envelope(topic: string, seq: number) {
  const [, pod = null, model = null] = topic.split('@');
  return {
    stream: { id: `zmq/${topic}/0`, source: 'zmq', host: null, topic, pod, model, rank: '0' },
    topicSuffix: null,
    epoch: 1_763_800_000_000,
    seq: BigInt(seq),
    ordinal: String(seq),
    receivedAt: 1_763_800_000_000,
    origin: 'live',
  } as const;
}

function* helpings(all: readonly Buffer[]): Generator<readonly Buffer[]> {
  let helping: Buffer[] = [];
  let bytes = 0;
  for (const record of all) {
    helping.push(record);
    bytes += record.length;
    if (helping.length < helpingRecords && bytes < helpingBytes) continue;
    yield helping;
    helping = [];
    bytes = 0;
  }
  if (helping.length > 0) yield helping;
}
