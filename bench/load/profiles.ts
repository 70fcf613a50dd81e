import type { CacheEvent } from '../../src/simulator/event.ts';
import { arrayEvent } from '../../src/simulator/event.ts';
import { Random } from '../../src/simulator/random.ts';
import { encodeValue } from '../../src/simulator/value.ts';

/** What a reader must find of one event. */
export interface Expected {
  readonly type: string;
  /** Decimal text. */
  readonly hashes: readonly string[];
  /** Empty where the event has none. */
  readonly tokens: readonly number[];
}

/** One batch as an engine sends it; bytes 2 to 9 hold its `ts`, a float64 that a paced sender writes anew. */
export interface Payload {
  readonly bytes: Buffer;
  readonly events: readonly Expected[];
}

export interface Profile {
  readonly name: string;
  readonly payloads: readonly Payload[];
}

interface Made {
  readonly event: CacheEvent;
  readonly expected: Expected;
}

const blockSize = 16;
/** Vocabularies of today's models end about here: most token ids take 3 bytes and more on the wire, as they do in life. */
const highestToken = 151_935;
/** Never a whole number: msgpack encoders write those as integers, and the place of the time would move. */
const anyTime = 1_763_800_000.5;

export const profileHelp: Readonly<Record<string, string>> = {
  decode1: 'one BlockStored of 1 block, 16 tokens',
  mixed: '80 % decode1, 15 % BlockStored of 64 blocks (1 024 tokens), 5 % BlockRemoved of 32 hashes',
  prefill8k: 'one BlockStored of 512 blocks, 8 192 tokens',
};

/** The same bytes for the same name, in every process. `events-N` and `frame-N` are those of the growth table. */
export function makeProfile(name: string): Profile | null {
  const random = new Random(7);
  const [kind, size] = name.split('-');
  const number = Number(size);
  switch (kind) {
    case 'decode1':
      return profile(name, 256, () => [stored(random, 1)]);
    case 'mixed':
      return profile(name, 400, (index) => [mixed(random, index)]);
    case 'prefill8k':
      return profile(name, 64, () => [stored(random, 512)]);
    case 'events':
      return profile(name, number > 1_000 ? 4 : 16, () => Array.from({ length: number }, () => stored(random, 1)));
    case 'frame':
      return profile(name, 16, () => frameOf(random, number));
    default:
      return null;
  }
}

/** Which payload is batch `seq` of stream number `stream`: streams do not march in step. */
export function payloadAt(profile: Profile, stream: number, seq: number): Payload {
  const payload = profile.payloads[(stream * 97 + seq) % profile.payloads.length];
  if (payload === undefined) throw new Error(`profile ${profile.name} is empty`);
  return payload;
}

export function topicOf(stream: number): string {
  const number = stream + 1;
  return `kv@10.0.${number >> 8}.${number & 255}@model`;
}

function profile(name: string, count: number, make: (index: number) => readonly Made[]): Profile {
  const payloads = Array.from({ length: count }, (_, index) => {
    const made = make(index);
    const bytes = encodeValue([anyTime, made.map(({ event }) => arrayEvent(event).wire), 0]);
    return { bytes, events: made.map(({ expected }) => expected) };
  });
  return { name, payloads };
}

/** Spread evenly: every stretch of 20 has its 16, 3 and 1. */
function mixed(random: Random, index: number): Made {
  const place = index % 20;
  if (place === 19) return removed(random, 32);
  return stored(random, place % 6 === 5 ? 64 : 1);
}

/** Events whose frame is about as long as asked for; what cannot be that short is an empty batch or a bare tag. */
function frameOf(random: Random, bytes: number): readonly Made[] {
  if (bytes < 30) return [];
  if (bytes < 200) return [cleared()];
  // Measured: an event of this shape has about 73 bytes per block (9 of the hash, 64 of the tokens) and 75 around them.
  return [stored(random, Math.max(1, Math.round((bytes - 75) / 73)))];
}

function stored(random: Random, blocks: number): Made {
  const hashes = Array.from({ length: blocks }, () => hash(random));
  const tokens = Array.from({ length: blocks * blockSize }, () => random.between(0, highestToken));
  const fields = {
    block_hashes: hashes,
    parent_block_hash: hash(random),
    token_ids: tokens,
    block_size: blockSize,
    lora_id: null,
    medium: 'GPU',
    lora_name: null,
    extra_keys: hashes.map(() => null),
    group_idx: 0,
    kv_cache_spec_kind: 'full_attention',
    kv_cache_spec_sliding_window: null,
  };
  return { event: { type: 'BlockStored', fields }, expected: { type: 'BlockStored', hashes: texts(hashes), tokens } };
}

function removed(random: Random, blocks: number): Made {
  const hashes = Array.from({ length: blocks }, () => hash(random));
  const fields = { block_hashes: hashes, medium: 'GPU', group_idx: 0 };
  return {
    event: { type: 'BlockRemoved', fields },
    expected: { type: 'BlockRemoved', hashes: texts(hashes), tokens: [] },
  };
}

function cleared(): Made {
  const type = 'AllBlocksCleared';
  return { event: { type, fields: {} }, expected: { type, hashes: [], tokens: [] } };
}

/** 64 bits, as vLLM makes them of SHA-256: nearly all are above 2^32 and take 9 bytes. */
function hash(random: Random): bigint {
  return (BigInt(random.between(1, 2 ** 32 - 1)) << 32n) | BigInt(random.between(0, 2 ** 32 - 1));
}

function texts(hashes: readonly bigint[]): string[] {
  return hashes.map(String);
}
