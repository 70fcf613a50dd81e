import { SinkError } from '../../core/errors.ts';

/** Waits no longer than `ms`; the work goes on, its outcome is then nobody's business unless the caller keeps it. */
export async function within<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  work.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Overdue(what, ms)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The work took too long; it may still be under way. */
export class Overdue extends SinkError {
  constructor(what: string, ms: number) {
    super({ kind: 'transient', code: 'TIMEOUT', message: `${what}: no answer within ${ms} ms` });
  }
}
