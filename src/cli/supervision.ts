import type { Clock } from '../core/clock.ts';
import type { Observe } from '../core/observer.ts';

/**
 * One turn of the bridge: at first perhaps a standby, then active. Made anew for each turn, since nothing of the last one
 * may survive: what it held in memory another bridge has written since.
 */
export interface Turn<Report> {
  /**
   * Called once before `run` where the turn begins as a standby: opens no source and writes nothing. Resolves with true
   * when no other bridge of this name is active, with false when the signal comes first. Rejects when it cannot wait.
   */
  waitForTurn(signal: AbortSignal): Promise<boolean>;
  /**
   * Called at most once: connects the sinks (which takes the name), opens the sources and passes records on. Resolves with
   * `fenced` as soon as any part learns that another bridge took over, with `stopped` when nobody reads any more; rejects
   * when a part fails for good. Goes on until `stop` otherwise.
   */
  run(): Promise<'stopped' | 'fenced'>;
  /**
   * Called once, last, in every state: while `run` still opens, after it failed, after `fenced`. Drains what may still be
   * written, releases everything, and says what could not be written; what a newer bridge recovers is not among it.
   */
  stop(): Promise<Report>;
}

export interface SupervisionOptions<Report> {
  /** Makes the next turn; opens nothing yet. */
  readonly begin: () => Turn<Report>;
  readonly standby: boolean;
  readonly onFenced: 'exit' | 'standby';
  /** Milliseconds. */
  readonly leaseTtl: number;
  /** Aborts when the process was asked to stop. */
  readonly stopRequested: AbortSignal;
  readonly observe: Observe;
  readonly clock: Clock;
}

type End = { readonly end: 'stopped' | 'fenced' } | { readonly end: 'failed'; readonly failure: unknown };

/** How the last turn ended, with what it could not write. */
export type Conclusion<Report> = End & { readonly left: Report };

/** With one promise for the signal: a listener per turn would stay for good. */
interface Living<Report> extends SupervisionOptions<Report> {
  readonly stopped: Promise<'stopped'>;
}

/**
 * Lives one turn after the other. A bridge that was fenced becomes the standby of the newer one with `onFenced: standby`;
 * with `exit` it stays for `leaseTtl`, not ready, and then ends.
 */
export async function supervise<Report>(options: SupervisionOptions<Report>): Promise<Conclusion<Report>> {
  const { begin, onFenced, leaseTtl, stopRequested, observe, clock } = options;
  let isWaiting = options.standby;
  const stopped = requested(stopRequested);
  for (let reason: 'start' | 'fenced' = 'start'; ; reason = 'fenced') {
    observe({ fact: 'role', role: isWaiting ? 'standby' : 'active', reason });
    // The newer bridge has only just begun: its lease needs time to appear, or two would take the name in turns.
    if (reason === 'fenced') await clock.sleep(leaseTtl, stopRequested);
    const conclusion = await live(begin(), isWaiting, { ...options, stopped });
    if (conclusion.end !== 'fenced') return conclusion;
    if (onFenced === 'exit') {
      // Closed, and still there to be asked: whoever finds a bridge gone does not learn why.
      await clock.sleep(leaseTtl, stopRequested);
      return conclusion;
    }
    if (stopRequested.aborted) return { ...conclusion, end: 'stopped' };
    isWaiting = true;
  }
}

async function live<Report>(
  turn: Turn<Report>,
  isWaiting: boolean,
  options: Living<Report>,
): Promise<Conclusion<Report>> {
  const how = await endOf(turn, isWaiting, options);
  if (how.end === 'fenced') options.observe({ fact: 'fenced' });
  return { ...how, left: await turn.stop() };
}

async function endOf(turn: Turn<unknown>, isWaiting: boolean, options: Living<unknown>): Promise<End> {
  try {
    return { end: await untilEnd(turn, isWaiting, options) };
  } catch (failure) {
    return { end: 'failed', failure: failure ?? new Error('failed without a reason') };
  }
}

async function untilEnd(
  turn: Turn<unknown>,
  isWaiting: boolean,
  { stopRequested, stopped, observe }: Living<unknown>,
): Promise<'stopped' | 'fenced'> {
  if (isWaiting) {
    if (!(await turn.waitForTurn(stopRequested))) return 'stopped';
    observe({ fact: 'role', role: 'active', reason: 'take-over' });
  }
  if (stopRequested.aborted) return 'stopped';
  return Promise.race([turn.run(), stopped]);
}

function requested(signal: AbortSignal): Promise<'stopped'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('stopped');
    signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
}
