/** What every call of a sink says in the same words. */
export interface Terms {
  /** Name of the bridge. */
  readonly bridge: string;
  /** Name of the field that holds a document. */
  readonly field: string;
  /** Entries to keep; empty: all. */
  readonly keep: string;
  /** Milliseconds to keep entries for; empty: for ever. */
  readonly age: string;
}
