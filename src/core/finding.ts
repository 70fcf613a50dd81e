/** `skipped`: could not be looked at, and why; no verdict follows from it. */
export type FindingLevel = 'ok' | 'note' | 'warning' | 'failure' | 'skipped';

/** One thing that `doctor` looked at. */
export interface Finding {
  readonly level: FindingLevel;
  /** Stable word for scripts, kebab-case: `port-closed`, `topic-missing`. */
  readonly code: string;
  /** What was looked at: an endpoint, a sink's name, a topic. */
  readonly subject: string;
  /** One sentence: what was found. Never secrets, never token ids. */
  readonly message: string;
  /** What to do; null where nothing is to be done. Never null for a warning or a failure. */
  readonly remedy: string | null;
  /**
   * A few words for the verdict that follow `subject:` and fit several subjects (`the login is refused`). Findings of one
   * origin have the same ones. Null unless it is a warning or a failure.
   */
  readonly cause: string | null;
  /** The values behind the sentence, for `--json`: numbers, texts, short lists. */
  readonly facts?: Readonly<Record<string, unknown>>;
}
