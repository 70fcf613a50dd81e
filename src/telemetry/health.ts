import type { Fact, Observe, Role } from '../core/observer.ts';

export interface SinkHealth {
  readonly state: 'connecting' | 'up' | 'down';
  /** Why it is down. */
  readonly code?: string;
  readonly message?: string;
}

export interface Readiness {
  readonly ready: boolean;
  /** A standby is ready once it can take over: a rollout of replicas waits for nothing more. */
  readonly role: Role;
  /** Sentences; empty when ready. */
  readonly reasons: readonly string[];
  readonly sources: { readonly expected: number; readonly open: number };
  readonly sinks: Readonly<Record<string, SinkHealth>>;
}

/**
 * Whether the bridge receives and every sink takes records, judged from the facts alone; for a standby, whether nothing
 * is known that would keep it from taking over.
 */
export class Health {
  readonly #expectedSources: number;
  readonly #open = new Set<string>();
  readonly #sinks = new Map<string, SinkHealth>();
  #role: Role = 'active';
  #isDraining = false;

  constructor(expected: { readonly sources: number; readonly sinks: readonly string[] }) {
    this.#expectedSources = expected.sources;
    for (const sink of expected.sinks) this.#sinks.set(sink, { state: 'connecting' });
  }

  readonly observe: Observe = (fact: Fact) => {
    switch (fact.fact) {
      case 'source-open':
        this.#open.add(`${fact.source} ${fact.endpoint}`);
        break;
      case 'source-closed':
        this.#open.delete(`${fact.source} ${fact.endpoint}`);
        break;
      case 'sink-up':
        this.#sinks.set(fact.sink, { state: 'up' });
        break;
      case 'sink-down':
        this.#sinks.set(fact.sink, { state: 'down', code: fact.code, message: fact.message });
        break;
      case 'role':
        this.#role = fact.role;
        // Each turn opens them anew.
        for (const sink of this.#sinks.keys()) this.#sinks.set(sink, { state: 'connecting' });
        break;
    }
  };

  /** From now on not ready, for good: the bridge is about to end. */
  draining(): void {
    this.#isDraining = true;
  }

  readiness(): Readiness {
    const reasons = this.#reasons();
    return {
      ready: reasons.length === 0,
      role: this.#role,
      reasons,
      sources: { expected: this.#expectedSources, open: this.#open.size },
      sinks: Object.fromEntries(this.#sinks),
    };
  }

  #reasons(): string[] {
    const reasons = this.#isDraining ? ['draining: the bridge is about to end'] : [];
    const isActive = this.#role === 'active';
    if (isActive && this.#open.size < this.#expectedSources) {
      reasons.push(`sources: ${this.#open.size} of ${this.#expectedSources} open`);
    }
    for (const [name, { state, message }] of this.#sinks) {
      if (isActive && state === 'connecting') reasons.push(`sink ${name}: not connected yet`);
      if (state === 'down') reasons.push(`sink ${name}: ${message}`);
    }
    return reasons;
  }
}
