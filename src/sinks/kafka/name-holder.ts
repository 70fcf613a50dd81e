import { randomUUID } from 'node:crypto';
import { SinkError } from '../../core/errors.ts';
import type { CheckpointView, Claim, Owner } from './checkpoint-log.ts';

/**
 * Who holds a bridge's name. The brokers answer a producer that was fenced exactly as one whose transaction has expired,
 * so the claims in the checkpoint topic decide: a sink that finds one of a bridge that came after it, is fenced and stays
 * so. It must never claim again, or two bridges would fence each other in turns.
 */
export class NameHolder {
  readonly owner: Owner = { instance: randomUUID(), started: Date.now() };
  readonly #bridge: string;
  /** Instances that held the name before us. */
  readonly #predecessors = new Set<string>();
  #hasTried = false;
  #hasHeld = false;
  #fenced: SinkError | null = null;

  constructor(bridge: string) {
    this.#bridge = bridge;
  }

  /** Throws where it is known already that a newer bridge has the name. */
  check(): void {
    if (this.#fenced !== null) throw this.#fenced;
  }

  /** With what is read before a claim: may we? The first time anybody gives way. */
  beforeClaim(view: CheckpointView): void {
    this.check();
    for (const claim of this.#strangers(view)) {
      if (this.#hasTried) this.#giveUp(claim);
      this.#predecessors.add(claim.owner.instance);
    }
    this.#hasTried = true;
  }

  /** With what is read up to our own committed claim, and maybe beyond. */
  afterClaim(view: CheckpointView): void {
    for (const claim of this.#strangers(view)) {
      if (this.#hasHeld || claim.offset > this.#firstOfOurs(view, claim.partition)) this.#giveUp(claim);
      this.#predecessors.add(claim.owner.instance);
    }
    this.#hasHeld = true;
  }

  #strangers({ claims }: CheckpointView): readonly Claim[] {
    const isStranger = (one: string) => one !== this.owner.instance && !this.#predecessors.has(one);
    return claims.filter(({ owner }) => isStranger(owner.instance));
  }

  #firstOfOurs({ claims }: CheckpointView, partition: number): bigint {
    const ours = claims.find((one) => one.partition === partition && one.owner.instance === this.owner.instance);
    return ours?.offset ?? 0n;
  }

  #giveUp({ owner }: Claim): never {
    const since = new Date(owner.started).toISOString();
    const message = `another bridge named "${this.#bridge}" has taken over (started ${since}); give each bridge a name of its own, or stop one of them`;
    this.#fenced = new SinkError({ kind: 'fenced', code: 'FENCED', message });
    throw this.#fenced;
  }
}
