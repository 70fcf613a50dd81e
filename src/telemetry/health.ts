import type { Fact, Observe } from '../core/observer.ts';

export interface SinkHealth {
  readonly state: 'connecting' | 'up' | 'down';
  /** Why it is down. */
  readonly code?: string;
  readonly message?: string;
}

export interface Readiness {
  readonly ready: boolean;
  /** Sentences; empty when ready. */
  readonly reasons: readonly string[];
  readonly sources: { readonly expected: number; readonly open: number };
  readonly sinks: Readonly<Record<string, SinkHealth>>;
}

/** Whether the bridge receives and every sink takes records, judged from the facts alone. */
export class Health {
  readonly #expectedSources: number;
  readonly #open = new Set<string>();
  readonly #sinks = new Map<string, SinkHealth>();
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
      reasons,
      sources: { expected: this.#expectedSources, open: this.#open.size },
      sinks: Object.fromEntries(this.#sinks),
    };
  }

  #reasons(): string[] {
    const reasons = this.#isDraining ? ['draining: the bridge is about to end'] : [];
    if (this.#open.size < this.#expectedSources) {
      reasons.push(`sources: ${this.#open.size} of ${this.#expectedSources} open`);
    }
    for (const [name, { state, message }] of this.#sinks) {
      if (state === 'connecting') reasons.push(`sink ${name}: not connected yet`);
      if (state === 'down') reasons.push(`sink ${name}: ${message}`);
    }
    return reasons;
  }
}
