import { decode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { encodings } from '../../src/simulator/event.ts';
import { hashKinds } from '../../src/simulator/history.ts';
import type { ScenarioName, ScenarioOptions, Step } from '../../src/simulator/scenario.ts';
import { scenario, scenarioHelp } from '../../src/simulator/scenario.ts';
import { encodeValue } from '../../src/simulator/value.ts';
import { decodePayload } from '../../src/wire/decode.ts';

const defaults: ScenarioOptions = { seed: 1, hash: 'int', encoding: 'map' };
const names = Object.keys(scenarioHelp) as ScenarioName[];

function steps(name: ScenarioName, count: number, options: Partial<ScenarioOptions> = {}): Step[] {
  const generator = scenario(name, { ...defaults, ...options });
  return Array.from({ length: count }, () => generator.next().value);
}

/** Enough to see every form; prefill's batches are large and alike. */
function enough(name: ScenarioName): number {
  return name === 'prefill' ? 5 : 100;
}

function batches(all: readonly Step[]) {
  return all.filter((step) => step.kind === 'batch');
}

function truths(all: readonly Step[]) {
  return batches(all).flatMap((step) => step.events.map((event) => event.truth));
}

/** What the bridge's decoder finds in the bytes of these steps, in the form of the truth. */
function decoded(all: readonly Step[]) {
  return batches(all).map((step) => {
    const result = decodePayload(encodeValue([0.5, step.events.map((event) => event.wire), 0]));
    if (!result.ok) throw new Error(result.failure.message);
    return result.batch.events.map((event) => {
      if (!event.ok) throw new Error(event.failure.message);
      return { type: event.type, ...JSON.parse(JSON.stringify(event.fields)) };
    });
  });
}

describe('every scenario', () => {
  it.each(names)('%s is the same again for the same seed and another one for another seed', (name) => {
    const once = steps(name, enough(name));
    expect(steps(name, enough(name))).toEqual(once);
    expect(steps(name, enough(name), { seed: 2 })).not.toEqual(once);
  });

  it.each(names.flatMap((name) => encodings.map((encoding) => [name, encoding] as const)))(
    '%s as %s: the bytes hold exactly the truth',
    (name, encoding) => {
      for (const hash of hashKinds) {
        const all = steps(name, enough(name), { encoding, hash });
        expect(decoded(all)).toEqual(batches(all).map((step) => step.events.map((event) => event.truth)));
      }
    },
  );
});

describe('the made-up cache', () => {
  it('chains blocks, and removes only what is stored', () => {
    const stored = new Set<unknown>();
    let removed = 0;
    for (const truth of truths(steps('removals', 500))) {
      const hashes = truth['block_hashes'] as readonly string[];
      for (const hash of hashes) {
        expect(stored.has(hash)).toBe(truth.type === 'BlockRemoved');
        if (truth.type === 'BlockRemoved') stored.delete(hash);
        else stored.add(hash);
      }
      if (truth.type === 'BlockRemoved') removed += hashes.length;
    }
    expect(removed).toBeGreaterThan(100);
  });

  it('lets a decoded block follow a block that was stored before', () => {
    const seen = new Set<unknown>();
    let chained = 0;
    for (const truth of truths(steps('decode', 300))) {
      const parent = truth['parent_block_hash'];
      if (parent !== null) {
        expect(seen).toContain(parent);
        chained += 1;
      }
      for (const hash of truth['block_hashes'] as readonly string[]) seen.add(hash);
    }
    expect(chained).toBeGreaterThan(200);
  });

  it.each([
    ['int', /^\d+$/, (hash: string) => BigInt(hash) >= 2n ** 63n],
    ['signed', /^-?\d+$/, (hash: string) => hash.startsWith('-')],
    ['bytes', /^0x[0-9a-f]{64}$/, (hash: string) => hash.length === 66],
  ] as const)('has %s hashes as the engines do, extremes included', (hash, form, extreme) => {
    const hashes = truths(steps('decode', 50, { hash })).flatMap((truth) => truth['block_hashes'] as string[]);
    expect(hashes.every((text) => form.test(text))).toBe(true);
    expect(hashes.some(extreme)).toBe(true);
  });

  it('writes integers in their shortest form', () => {
    expect([...encodeValue([1, -1, 2n ** 63n])].slice(0, 4)).toEqual([0x93, 1, 0xff, 0xcf]);
    const [event] = truths(steps('decode', 1));
    expect(event).toMatchObject({ type: 'BlockStored', block_size: 16 });
    expect(event?.['token_ids']).toHaveLength(16);
  });
});

describe('single scenarios', () => {
  it('prefill has 512 blocks of 16 tokens in one event', () => {
    const [event, ...others] = truths(steps('prefill', 1));
    expect(others).toEqual([]);
    expect(event?.['block_hashes']).toHaveLength(512);
    expect(event?.['token_ids']).toHaveLength(8_192);
  });

  it('mixed is mostly decode, some prefill, few removals', () => {
    const types = truths(steps('mixed', 2_000)).map((truth) => truth.type);
    const removed = types.filter((type) => type === 'BlockRemoved').length;
    expect(removed).toBeGreaterThan(50);
    expect(removed).toBeLessThan(150);
  });

  it('clears forgets what was stored', () => {
    expect(truths(steps('clears', 200)).filter((truth) => truth.type === 'AllBlocksCleared').length).toBeGreaterThan(5);
  });

  it('gap skips a number after every 25 batches', () => {
    const kinds = steps('gap', 78).map((step) => step.kind);
    expect(kinds.flatMap((kind, index) => (kind === 'skip' ? [index] : []))).toEqual([25, 51, 77]);
  });

  it('restart begins again after every 40 batches', () => {
    const kinds = steps('restart', 82).map((step) => step.kind);
    expect(kinds.flatMap((kind, index) => (kind === 'restart' ? [index] : []))).toEqual([40, 81]);
  });

  it('encodings has every event form', () => {
    const wires = batches(steps('encodings', 90)).flatMap((step) => step.events.map((event) => event.wire));
    const lengths = wires
      .filter((wire) => Array.isArray(wire) && wire[0] === 'BlockStored')
      .map((wire) => (wire as unknown[]).length);
    expect(new Set(lengths)).toEqual(new Set([6, 7, 8, 9, 10, 12]));
    expect(wires.some((wire) => wire instanceof Uint8Array && Array.isArray(decode(wire)))).toBe(true);
    expect(wires.some((wire) => wire instanceof Uint8Array && !Array.isArray(decode(wire)))).toBe(true);
    expect(batches(steps('encodings', 90)).some((step) => step.events.length === 0)).toBe(true);
    expect(new Set(batches(steps('encodings', 90)).map((step) => step.form))).toEqual(
      new Set(['triple', 'map', 'milliseconds']),
    );
  });
});
