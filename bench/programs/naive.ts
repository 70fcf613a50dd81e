// The baseline: what an average team writes in an afternoon, with the same libraries and the same fields as our records.
// It reads, decodes, builds an object, stringifies it and sends it; it pauses reading when the sink falls behind. It has
// no sequence check, no replay, no checkpoints, no metrics, no limits on what it decodes.
import { decode } from '@msgpack/msgpack';
import zmq from 'zeromq';
import { readJob } from './job.ts';
import type { Line } from './naive-sinks.ts';
import { openSink } from './naive-sinks.ts';

type Hash = number | bigint | Uint8Array;
type Event = readonly [string, ...unknown[]];
type Batch = readonly [ts: number, events: readonly Event[], rank?: number | null];

const fieldsOf: Readonly<Record<string, readonly string[]>> = {
  BlockStored: [
    'block_hashes',
    'parent_block_hash',
    'token_ids',
    'block_size',
    'lora_id',
    'medium',
    'lora_name',
    'extra_keys',
    'group_idx',
    'kv_cache_spec_kind',
    'kv_cache_spec_sliding_window',
  ],
  BlockRemoved: ['block_hashes', 'medium', 'group_idx'],
};

const { port, address } = readJob();
const sink = await openSink(address);
const socket = new zmq.Subscriber();
await socket.bind(`tcp://*:${port}`);
socket.subscribe();
process.on('SIGTERM', () => process.exit(0));

const epoch = Date.now();
for await (const [topic, number, payload] of socket) {
  if (topic === undefined || number === undefined || payload === undefined) continue;
  const batch = decode(payload, { useBigInt64: true }) as Batch;
  await sink(linesOf(topic.toString(), number.readBigUInt64BE(), batch));
}

function linesOf(topic: string, seq: bigint, [ts, events, rank]: Batch): Line[] {
  const [, pod, model] = topic.split('@');
  const stream = `zmq/${topic}/${rank}`;
  const received = Date.now() / 1_000;
  return events.map((event, index) => {
    const record = {
      v: 1,
      id: `${stream}@${epoch}.${seq}.${index}`,
      type: event[0],
      stream,
      source: 'zmq',
      topic,
      pod,
      model,
      data_parallel_rank: rank,
      epoch,
      seq: String(seq),
      index,
      count: events.length,
      ts,
      received_at: received,
      origin: 'live',
      event: fields(event),
    };
    return { key: stream, text: JSON.stringify(record) };
  });
}

function fields([type, ...values]: Event): Record<string, unknown> {
  const event: Record<string, unknown> = {};
  for (const [slot, name] of (fieldsOf[type] ?? []).entries()) event[name] = values[slot];
  event['block_hashes'] = ((event['block_hashes'] as Hash[] | undefined) ?? []).map(hashText);
  const parent = event['parent_block_hash'] as Hash | null | undefined;
  if (parent !== null && parent !== undefined) event['parent_block_hash'] = hashText(parent);
  return event;
}

function hashText(hash: Hash): string {
  return hash instanceof Uint8Array ? `0x${Buffer.from(hash).toString('hex')}` : String(hash);
}
