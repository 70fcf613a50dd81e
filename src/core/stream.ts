/** One publisher's ordered sequence: (source, topic, data-parallel rank). */
export interface Stream {
  /**
   * `source/topic/rank`, or `source/host/topic/rank` where the topic alone does not say whose it is; the rank is `-` where
   * the publisher names none or where all ranks share one counter.
   */
  readonly id: string;
  readonly source: string;
  /** IP address of the publisher where it is part of the id, else null. */
  readonly host: string | null;
  /** Topic text without its NUL suffix; `0x` + hex where it is not UTF-8 or itself begins with `0x`. */
  readonly topic: string;
  /** Parsed from `kv@<pod>@<model>`; null for any other topic. */
  readonly pod: string | null;
  readonly model: string | null;
  /** Decimal rank, or null where the id has `-`. */
  readonly rank: string | null;
}

/** What records account for: numbers `from`..`to` of one incarnation of a publisher, both inclusive. */
export interface SeqRange {
  readonly epoch: number;
  readonly from: bigint;
  readonly to: bigint;
  /** False where the publisher sends no usable number: then these are the bridge's own counters (`n7` in ids). */
  readonly numbered: boolean;
}

/** What tells publishers of one source apart, beside their ranks: their topics, or their topics and addresses. */
export type Identity = 'auto' | 'topic' | 'peer';
