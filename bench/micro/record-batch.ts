import { createRequire } from 'node:module';
import { ReusedMemory } from '../../src/core/reused-memory.ts';
import type { Sendable } from '../../src/sinks/kafka/entries.ts';
import { anonymous, encodeRecordBatch } from '../../src/sinks/kafka/record-batch.ts';
import { decodePayload } from '../../src/wire/decode.ts';
import { renderEvents } from '../../src/wire/records.ts';
import type { Profile } from '../load/profiles.ts';
import { makeProfile, payloadAt } from '../load/profiles.ts';
import type { MicroRow } from '../results.ts';
import { envelope } from './envelope.ts';
import type { Work } from './work.ts';
import { measureWorks } from './work.ts';

/** What a Kafka producer makes of ready records for one partition: Kafka's record batch v2, without compression. */
interface Encoder {
  readonly name: string;
  readonly encode: (records: Ready) => Promise<number>;
}

/** The same records in the form that each of them takes. */
interface Ready {
  readonly key: Buffer;
  readonly values: readonly Buffer[];
  readonly entries: readonly Sendable[];
}

interface KafkajsEncoder {
  readonly buffer: Buffer;
}
type KafkajsRecord = (record: object) => KafkajsEncoder;
type KafkajsBatch = (batch: object) => Promise<KafkajsEncoder>;

/** Records and bytes of a batch, as the bridge sends them at most by default. */
const maxRecords = 2_000;
const maxBytes = 1_572_864;
const newline = Buffer.from('\n');

/** The reference first. Another implementation is one more entry here. */
function encoders(): readonly Encoder[] {
  const load = createRequire(import.meta.url);
  const encodeRecord = load('kafkajs/src/protocol/recordBatch/record/v0') as KafkajsRecord;
  const encodeBatch = load('kafkajs/src/protocol/recordBatch/v0') as { RecordBatch: KafkajsBatch };
  const kafkajs = async ({ key, values }: Ready) => {
    const records = values.map((value, offsetDelta) =>
      encodeRecord({ offsetDelta, timestampDelta: 0, key, value, headers: {} }),
    );
    const batch = await encodeBatch.RecordBatch({ lastOffsetDelta: values.length - 1, records });
    return batch.buffer.length;
  };
  return [
    { name: 'kafkajs', encode: kafkajs },
    { name: 'bridge', encode: ours },
  ];
}

const memory = new ReusedMemory(1);

async function ours({ entries }: Ready): Promise<number> {
  const plain = { ...anonymous, isTransactional: false, codec: 0, compress: null, memory };
  const bytes = await encodeRecordBatch(entries, plain);
  memory.give(bytes);
  return bytes.length;
}

export function measureRecordBatches(profiles: readonly string[], rounds: number): Promise<MicroRow[]> {
  const works = profiles.map((name) => {
    const profile = makeProfile(name);
    if (profile === null) throw new Error(`there is no profile ${name}`);
    const values = recordsOf(profile);
    return encoders().map((encoder) => workOf(encoder, profile, values));
  });
  return measureWorks(works, rounds);
}

function workOf({ name, encode }: Encoder, profile: Profile, values: readonly Buffer[]): Work {
  const key = Buffer.from(envelope(0).stream.id);
  const what = 'Kafka record batch';
  const bytes = Buffer.concat(values.flatMap((value) => [value, newline]));
  let end = 0;
  const ends = values.map(({ length }) => {
    end += length + newline.length;
    return end;
  });
  const batch = { receivedAt: 1_763_800_000_130 };
  const entries = [{ key, values: { bytes, ends }, first: 0, count: values.length, batch }];
  return {
    what,
    implementation: name,
    profile: `${profile.name}, ${values.length} records`,
    once: async () => ({ bytes: await encode({ key, values, entries }), tokens: 0 }),
  };
}

function recordsOf(profile: Profile): Buffer[] {
  const records: Buffer[] = [];
  for (let seq = 0, bytes = 0; records.length < maxRecords && bytes < maxBytes; seq += 1) {
    const decoded = decodePayload(payloadAt(profile, 0, seq).bytes);
    if (!decoded.ok) throw new Error(decoded.failure.message);
    const record = renderEvents(envelope(seq), decoded.batch).bytes.subarray(0, -1);
    records.push(record);
    bytes += record.length;
  }
  return records;
}
