import { setTimeout as sleep } from 'node:timers/promises';

/** Tries `check` until it no longer throws; throws its last error when time is up. */
export async function waitUntil<T>(check: () => T | Promise<T>, timeout = 30_000): Promise<T> {
  const deadline = Date.now() + timeout;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(10);
    }
  }
}
