import type { Status } from '../../src/core/status.ts';
import type { Bridge } from '../e2e/bridge.ts';
import type { Stage } from './stage.ts';

/** Something that goes wrong in the field, and where an operator can read its cause. */
export interface Fault {
  readonly name: string;
  /** What is broken, in one sentence. */
  readonly broken: string;
  /** Breaks it, with real parts; they end with the stage. */
  readonly stage: (stage: Stage) => Promise<Scene>;
  /** What of `/statusz` tells it, and what that has to be. */
  readonly status: { readonly shows: (status: Status) => unknown; readonly is: unknown };
  /** The reasons of `/readyz`; `ready` where the fault must not make the bridge unready. */
  readonly readiness: 'ready' | RegExp;
  /** Text that an element of the live page has to show. */
  readonly page: { readonly selector: string; readonly shows: RegExp };
  readonly doctor: {
    readonly exitCode: 0 | 1;
    /** Findings that name the cause. */
    readonly codes: readonly string[];
    readonly verdict: RegExp;
  };
  readonly alert: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly summary: RegExp;
  };
}

export interface Scene {
  /** The one that suffers. */
  readonly bridge: Bridge;
  /** How it is configured: `doctor` gets the same. */
  readonly env: Readonly<Record<string, string>>;
  /** The ports of this run, by the ones that documentation shows in their place. */
  readonly ports: Readonly<Record<number, number>>;
}
