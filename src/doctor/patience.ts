import type { Security } from '../core/security.ts';

/** How long things may take, milliseconds, and the end of everything. */
export interface Patience {
  /** One connection, one answer. */
  readonly answer: number;
  /** For frames. */
  readonly wait: number;
  readonly signal: AbortSignal;
}

/** How a peer is met: as the source would meet it. */
export interface Approach extends Patience {
  readonly security: Security;
  /** Tells nobody a password: who asks for one is known by that alone. */
  readonly isReticent?: boolean;
}

/** What the work gives; null where the signal aborts first. The work goes on; its outcome is then nobody's business. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) {
    work.catch(() => undefined);
    return null;
  }
  let stop = () => undefined as undefined;
  const aborted = new Promise<null>((resolve) => {
    stop = () => {
      resolve(null);
      return undefined;
    };
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Resolves after `ms`, or at once when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener('abort', wake, { once: true });
  });
}
