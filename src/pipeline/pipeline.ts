import type { Frame } from '../core/frame.ts';
import type { Source } from '../core/source.ts';
import type { RecordTap } from '../core/tap.ts';
import type { RecoveryPath } from './filling.ts';
import type { Intake } from './intake.ts';
import type { Lane } from './lane.ts';
import type { Forms } from './passage.ts';
import { live } from './passage.ts';
import type { Recoverer } from './recoverer.ts';
import type { FrameList } from './run.ts';
import type { StreamEntry, StreamTable } from './streams.ts';

export interface PipelineParts {
  readonly intake: Intake;
  readonly streams: StreamTable;
  readonly lanes: readonly Lane[];
  readonly recoverer: Recoverer;
  readonly tap: RecordTap;
}

/** Streams that are asked about at the same time, beside the gaps that live frames show. */
const checksAtOnce = 4;

/** Reads sources and feeds every lane, in order; waits where a lane is full. */
export class Pipeline {
  readonly #parts: PipelineParts;
  readonly #path: RecoveryPath;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#path = { intake: parts.intake, emit: async (all) => this.#emit(all) };
  }

  /** Reads one source until it ends. Sources are read side by side; a stream belongs to one source, so its order holds. */
  async read(source: Source): Promise<void> {
    for await (const frames of source.frames()) {
      const list: FrameList = { frames, next: 0 };
      while (list.next < frames.length) {
        const wait = this.#take(list);
        if (wait !== undefined) await wait;
      }
    }
  }

  /** Asks the publishers of an earlier run's streams for what they have sent since; `now` in ms. */
  async catchUp(now: number): Promise<void> {
    const { streams, recoverer } = this.#parts;
    const waiting = streams.resumable.filter(({ stream }) => recoverer.canCheck({ stream, peer: stream.host }));
    await this.#inTurn(waiting, async (resume) => {
      const entry = streams.resumed(resume, now);
      if (!entry.isUnchecked) return;
      entry.isUnchecked = false;
      await recoverer.check(entry, this.#path);
    });
  }

  /** The connection of a source is back: asks for what its publishers have sent meanwhile. */
  async reconnected(source: string): Promise<void> {
    const { streams, recoverer } = this.#parts;
    // All hold their live frames from now on, so that these come behind what is replayed.
    await Promise.all(streams.ofSource(source).map((entry: StreamEntry) => recoverer.check(entry, this.#path)));
  }

  async #inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const rest = items.values();
    const workers = Array.from({ length: checksAtOnce }, async () => {
      for (const item of rest) await work(item);
    });
    await Promise.all(workers);
  }

  /** The next frame of the list, and those that go with it. */
  #take(list: FrameList): Promise<unknown> | undefined {
    const { intake, recoverer } = this.#parts;
    const frame = list.frames[list.next] as Frame;
    list.next += 1;
    const acceptance = intake.accept(frame, live, list);
    switch (acceptance.kind) {
      case 'records':
        return this.#emit(acceptance.all);
      case 'held':
        return recoverer.hold(acceptance.entry, frame);
      case 'need':
        return recoverer.begin(acceptance.need, frame, this.#path);
      case 'check':
        void recoverer.check(acceptance.entry, this.#path);
        return recoverer.hold(acceptance.entry, frame);
    }
  }

  /** Pushes one after the other, and lets go of them; a promise only where a lane is full. */
  #emit(all: readonly Forms[]): Promise<void> | undefined {
    for (let index = 0; index < all.length; index += 1) {
      const forms = all[index] as Forms;
      const full = this.#push(forms);
      forms.event?.memory?.release();
      if (forms.batch !== forms.event) forms.batch?.memory?.release();
      if (full !== undefined) return Promise.all(full).then(() => this.#emit(all.slice(index + 1)));
    }
    return undefined;
  }

  /** The lanes to wait for; undefined where all had room. */
  #push(forms: Forms): readonly Promise<void>[] | undefined {
    const { lanes, tap } = this.#parts;
    if (tap.isOpen) show(forms, tap);
    let full: Promise<void>[] | undefined;
    for (const lane of lanes) {
      const batch = forms[lane.form];
      const wait = batch && lane.push(batch);
      if (wait === undefined) continue;
      full ??= [];
      full.push(wait);
    }
    return full;
  }
}

/** People read single events more easily than whole batches. */
function show({ event, batch }: Forms, tap: RecordTap): void {
  const shown = event ?? batch;
  if (shown !== undefined) tap.take(shown);
}
