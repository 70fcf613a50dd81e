import type { Frame } from '../core/frame.ts';
import type { Source } from '../core/source.ts';
import type { Intake } from './intake.ts';
import type { Lane } from './lane.ts';
import type { Forms } from './passage.ts';
import { live } from './passage.ts';
import type { Recoverer } from './recoverer.ts';

/** Reads sources and feeds every lane, in order; waits where a lane is full. */
export class Pipeline {
  readonly #intake: Intake;
  readonly #lanes: readonly Lane[];
  readonly #recoverer: Recoverer;

  constructor(intake: Intake, lanes: readonly Lane[], recoverer: Recoverer) {
    this.#intake = intake;
    this.#lanes = lanes;
    this.#recoverer = recoverer;
  }

  /** Reads one source until it ends. Sources are read side by side; a stream belongs to one source, so its order holds. */
  async read(source: Source): Promise<void> {
    for await (const frame of source.frames()) {
      const wait = this.#take(frame);
      if (wait !== undefined) await wait;
    }
  }

  #take(frame: Frame): Promise<unknown> | undefined {
    const acceptance = this.#intake.accept(frame, live);
    switch (acceptance.kind) {
      case 'records':
        return this.#emit(acceptance.all);
      case 'held':
        return this.#recoverer.hold(acceptance.entry, frame);
      case 'need':
        return this.#recoverer.begin(acceptance.need, frame, {
          intake: this.#intake,
          emit: async (all) => this.#emit(all),
        });
    }
  }

  /** Pushes one after the other; a promise only where a lane is full. */
  #emit(all: readonly Forms[]): Promise<void> | undefined {
    for (const [index, forms] of all.entries()) {
      const full = this.#push(forms);
      if (full.length > 0) return Promise.all(full).then(() => this.#emit(all.slice(index + 1)));
    }
    return undefined;
  }

  /** The lanes to wait for; empty where all had room. */
  #push(forms: Forms): readonly Promise<void>[] {
    const full: Promise<void>[] = [];
    for (const lane of this.#lanes) {
      const batch = forms[lane.form];
      const wait = batch && lane.push(batch);
      if (wait) full.push(wait);
    }
    return full;
  }
}
