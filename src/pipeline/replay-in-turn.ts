import type { RangeRequest, ReplayDeps } from './replay-range.ts';
import { replayRange } from './replay-range.ts';
import type { Stretch } from './replay-stretch.ts';

export interface ReplayInTurnDeps extends ReplayDeps {
  /** Replays at the same time. Each holds what it brought until the lanes have taken it, so their number bounds memory. */
  readonly turns: Turns;
}

export interface Turns {
  /** Resolves with true when it is the caller's turn, who must `give` it back; with false once the signal aborts. */
  take(signal: AbortSignal): Promise<boolean>;
  give(): void;
}

/** `replayRange`, once it is its turn; however long that takes, for giving up would make a false gap. */
export async function* replayInTurn(request: RangeRequest, deps: ReplayInTurnDeps): AsyncGenerator<Stretch> {
  // A signal of its own, for Node 20 never forgets what AbortSignal.any derived from one that lives on.
  const own = new AbortController();
  const abort = () => own.abort();
  request.signal.addEventListener('abort', abort);
  if (request.signal.aborted) abort();
  try {
    yield* inTurn({ ...request, signal: own.signal }, deps);
  } finally {
    request.signal.removeEventListener('abort', abort);
  }
}

async function* inTurn(request: RangeRequest, deps: ReplayInTurnDeps): AsyncGenerator<Stretch> {
  if (!(await deps.turns.take(request.signal))) {
    const { from, to } = request;
    if (to !== null) yield { kind: 'lost', from, to, reason: 'replay_timeout', isForeign: false };
    return;
  }
  try {
    yield* replayRange(request, deps);
  } finally {
    deps.turns.give();
  }
}
