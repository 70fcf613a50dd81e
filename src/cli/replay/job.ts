import type { Survey } from '../../capture/survey.ts';
import type { Frame } from '../../core/frame.ts';
import type { Edge } from '../edge.ts';

/** One replay, wherever it goes. */
export interface ReplayJob {
  readonly path: string;
  readonly survey: Survey;
  readonly speed: number;
  readonly wants: (frame: Frame) => boolean;
  readonly edge: Edge;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
  readonly note: (message: string) => void;
  /** Frames passed on so far. */
  readonly onProgress: (frames: number) => void;
}

/** How a replay went. */
export interface ReplayOutcome {
  /** Frames passed on. */
  readonly frames: number;
  /** Whether all of them arrived where they had to. */
  readonly isComplete: boolean;
  /** What else there is to say: for JSON, and in sentences. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}
