import type { Source } from '../core/source.ts';
import type { Forms, Intake } from './intake.ts';
import type { Lane } from './lane.ts';

/** Reads sources and feeds every lane, in order; waits where a lane is full. */
export class Pipeline {
  readonly #intake: Intake;
  readonly #lanes: readonly Lane[];

  constructor(intake: Intake, lanes: readonly Lane[]) {
    this.#intake = intake;
    this.#lanes = lanes;
  }

  /** Reads one source until it ends. Sources are read side by side; a stream belongs to one source, so its order holds. */
  async read(source: Source): Promise<void> {
    for await (const frame of source.frames()) {
      for (const forms of this.#intake.accept(frame)) {
        const full = this.#push(forms);
        if (full.length > 0) await Promise.all(full);
      }
    }
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
