import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Leadership } from '../../src/pipeline/leadership.ts';
import { PlayedLease, PlayedStore } from './played-store.ts';
import { FakeClock } from './support.ts';

const ttl = 8_000;
const step = ttl / 8;
const names = [0, 1, 2] as const;

/** A bridge that waits, takes the name, holds it and begins again once fenced, until it is killed or stopped. */
class Candidate {
  readonly lease: PlayedLease;
  believes = false;
  #isAlive = true;
  readonly #stop = new AbortController();
  readonly #clock: FakeClock;
  readonly #random: () => number;
  #leadership: Leadership;

  constructor(store: PlayedStore, random: () => number) {
    this.lease = new PlayedLease(store);
    this.#clock = store.clock;
    this.#random = random;
    this.#leadership = this.#begin();
    void this.#live();
  }

  /** kill -9: nothing of it reaches the store any more. */
  kill(): void {
    this.#isAlive = false;
    this.believes = false;
    this.lease.freeze();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#leadership.release(AbortSignal.abort());
    this.believes = false;
    this.#isAlive = false;
  }

  #begin(): Leadership {
    return new Leadership({
      sink: 'redis',
      lease: this.lease,
      ttl,
      clock: this.#clock,
      random: this.#random,
      observe: () => {},
    });
  }

  async #live(): Promise<void> {
    const { signal } = this.#stop;
    while (this.#isAlive && !signal.aborted) {
      if (!(await this.#leadership.waitForTurn(signal)) || !this.#isAlive) return;
      if (!(await this.#connect(signal))) return;
      this.believes = this.#isAlive;
      if ((await this.#leadership.keepRenewing()) === 'released') return;
      this.believes = false;
      await this.#clock.sleep(ttl, signal);
      this.#leadership = this.#begin();
    }
  }

  async #connect(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      try {
        await this.lease.connect();
        return true;
      } catch {
        await this.#clock.sleep(step, signal);
      }
    }
    return false;
  }
}

type Fault =
  | { readonly what: 'store away' | 'store back' | 'nothing' }
  | { readonly what: 'freeze' | 'thaw' | 'kill' | 'stop'; readonly who: number };

const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Fault>({ what: 'store away' }, { what: 'store back' }) },
  { weight: 6, arbitrary: fc.constant<Fault>({ what: 'nothing' }) },
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constantFrom('freeze', 'thaw', 'kill', 'stop'), who: fc.nat(names.length - 1) }),
  },
);

class World {
  readonly clock = new FakeClock();
  readonly store = new PlayedStore(this.clock);
  readonly candidates: Candidate[];
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
    this.candidates = names.map(() => new Candidate(this.store, random));
  }

  /** Who is killed or stopped is started again at once, as a supervisor does. */
  async suffer(one: Fault): Promise<void> {
    if (one.what === 'store away') this.store.isAway = true;
    if (one.what === 'store back') this.store.isAway = false;
    if ('who' in one) await this.#strike(one.what, one.who);
    await this.clock.pass(step);
  }

  async #strike(what: 'freeze' | 'thaw' | 'kill' | 'stop', who: number): Promise<void> {
    const candidate = this.candidates[who];
    if (candidate === undefined) return;
    if (what === 'freeze') candidate.lease.freeze();
    if (what === 'thaw') candidate.lease.thaw();
    if (what === 'kill') candidate.kill();
    if (what === 'stop') await candidate.stop();
    if (what === 'kill' || what === 'stop') this.candidates[who] = new Candidate(this.store, this.#random);
  }

  async calm(): Promise<void> {
    this.store.isAway = false;
    for (const { lease } of this.candidates) lease.thaw();
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) await this.clock.pass(step);
  }

  /** Of those that believe to be active, who may write. */
  get believers(): readonly Candidate[] {
    return this.candidates.filter(({ believes }) => believes);
  }
}

describe('bridges of one name at one store', () => {
  it('agree on one soon after any faults, keep it, and leave the lease alone once fenced', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 40 }), fc.nat(), async (faults, seed) => {
        const world = new World(randomOf(seed));
        for (const one of faults) {
          await world.suffer(one);
          const writers = world.believers.filter(({ lease }) => lease.token === world.store.fence);
          expect(writers.length).toBeLessThanOrEqual(1);
        }
        await world.calm();
        await world.pass(6 * ttl);
        expect(world.believers.map(({ lease }) => lease.token)).toEqual([world.store.fence]);
        const settled = world.store.fence;
        await world.pass(8 * ttl);
        expect(world.store.fence).toBe(settled);
        expect(world.believers).toHaveLength(1);
        expect(world.candidates.map(({ lease }) => lease.callsAfterFenced)).toEqual(names.map(() => 0));
      }),
      { numRuns: 60 },
    );
  });

  it('without faults take over once, each at most', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const world = new World(randomOf(seed));
        await world.pass(20 * ttl);
        expect(world.store.fence).toBeLessThanOrEqual(names.length);
        expect(world.believers).toHaveLength(1);
      }),
      { numRuns: 10 },
    );
  });
});

/** Numbers that look random and depend on the seed alone. */
function randomOf(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
