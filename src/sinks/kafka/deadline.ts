import { SinkError } from '../../core/errors.ts';
import { within } from '../within.ts';

/** Waits no longer than `ms`, then throws `Overdue`; callers that keep the work may wait for it again. */
export function inTime<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  return within(work, ms, () => new Overdue(what, ms));
}

/** The work took too long; it may still be under way. */
export class Overdue extends SinkError {
  constructor(what: string, ms: number) {
    super({ kind: 'transient', code: 'TIMEOUT', message: `${what}: no answer within ${ms} ms` });
  }
}
