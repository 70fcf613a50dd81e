import type { SinkErrorKind } from '../core/errors.ts';
import type { Fact, Observe, Role } from '../core/observer.ts';

export interface SinkHealth {
  readonly state: 'connecting' | 'up' | 'down';
  /** Seconds since 1970. */
  readonly since: number;
  /** Why it is down. */
  readonly code?: string;
  readonly message?: string;
  readonly kind?: SinkErrorKind;
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

export interface HealthOptions {
  /** Number of sockets. */
  readonly sources: number;
  readonly sinks: readonly string[];
  /** A sink that worked may be away for this long before the bridge is not ready; milliseconds. */
  readonly degradedAfter: number;
  /** The clock, milliseconds. */
  readonly now: () => number;
}

const fencedSentence =
  'FENCED: another bridge of this name has taken over, nothing more is written here; give each bridge a name of its own ' +
  '(BRIDGE_NAME), or run one of the two as a standby (STANDBY=true)';

interface Standing {
  readonly health: SinkHealth;
  /** It has worked in this turn. */
  readonly hasWorked: boolean;
  /** Since when, milliseconds. */
  readonly since: number;
}

/**
 * Whether the bridge receives and every sink takes records, judged from the facts alone; for a standby, whether nothing
 * is known that would keep it from taking over. A bridge that was fenced is never ready.
 */
export class Health {
  readonly #options: HealthOptions;
  readonly #open = new Set<string>();
  readonly #sinks = new Map<string, Standing>();
  #role: Role = 'active';
  #isDraining = false;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#beginTurn();
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
        this.#note(fact.sink, { state: 'up' });
        break;
      case 'sink-down':
        this.#note(fact.sink, { state: 'down', code: fact.code, message: fact.message, kind: fact.kind });
        break;
      case 'lease-renewal':
        if (fact.outcome === 'fenced') this.#fencedBy(fact.sink, fact.code, fact.message);
        break;
      case 'fenced':
        this.#role = 'fenced';
        break;
      case 'role':
        this.#role = fact.role;
        this.#beginTurn();
        break;
    }
  };

  /** From now on not ready, for good: the bridge is about to end. */
  draining(): void {
    this.#isDraining = true;
  }

  get role(): Role {
    return this.#role;
  }

  /** `connecting` where nothing is known. */
  sink(name: string): SinkHealth {
    return this.#sinks.get(name)?.health ?? { state: 'connecting', since: this.#options.now() / 1_000 };
  }

  readiness(): Readiness {
    const reasons = this.#reasons();
    return {
      ready: reasons.length === 0,
      role: this.#role,
      reasons,
      sources: { expected: this.#options.sources, open: this.#open.size },
      sinks: Object.fromEntries([...this.#sinks].map(([name, { health }]) => [name, health])),
    };
  }

  /** Each turn opens the sinks anew. */
  #beginTurn(): void {
    const since = this.#options.now();
    for (const sink of this.#options.sinks) {
      this.#sinks.set(sink, { health: { state: 'connecting', since: since / 1_000 }, hasWorked: false, since });
    }
  }

  /** A sink that is down for another reason is down since it first was. */
  #note(sink: string, now: Omit<SinkHealth, 'since'>): void {
    const before = this.#sinks.get(sink);
    const goesOn = before !== undefined && before.health.state === now.state;
    const since = goesOn ? before.since : this.#options.now();
    const hasWorked = before?.hasWorked === true || now.state === 'up';
    this.#sinks.set(sink, { health: { ...now, since: since / 1_000 }, hasWorked, since });
  }

  /** Nothing may be queued for it, so that no write learns it. */
  #fencedBy(sink: string, code: string | null, message: string | null): void {
    this.#note(sink, { state: 'down', kind: 'fenced', code: code ?? 'FENCED', message: message ?? fencedSentence });
  }

  #reasons(): string[] {
    const reasons = this.#isDraining ? ['draining: the bridge is about to end'] : [];
    // That sources are closed and sinks refuse follows from it.
    if (this.#role === 'fenced') return [...reasons, fencedSentence];
    const isActive = this.#role === 'active';
    const { sources } = this.#options;
    if (isActive && this.#open.size < sources) reasons.push(`sources: ${this.#open.size} of ${sources} open`);
    for (const [name, standing] of this.#sinks) {
      const { state, message } = standing.health;
      if (isActive && state === 'connecting') reasons.push(`sink ${name}: not connected yet`);
      if (state === 'down' && !this.#isPassing(standing)) reasons.push(`sink ${name}: ${message}`);
    }
    return reasons;
  }

  /** An outage that may well pass by itself, and has not lasted long: records wait in the lane meanwhile. */
  #isPassing({ health, hasWorked, since }: Standing): boolean {
    const { now, degradedAfter } = this.#options;
    const mayPass = health.kind === 'transient' || health.kind === 'reopen';
    return hasWorked && mayPass && now() - since < degradedAfter;
  }
}
