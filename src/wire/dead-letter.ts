/** Bytes of a record that a dead letter repeats at most: its own target has size limits, too. */
const maxDeadLetterRaw = 65_536;

export interface DeadLetter {
  readonly sink: string;
  /** Where the record should have gone: topic or stream key. */
  readonly target: string;
  /** Why it never can; from a bounded set, it becomes a metric label. */
  readonly reason: 'too_large' | 'reserved_target' | 'refused';
  readonly message: string;
  /** The record's JSON document. */
  readonly record: Buffer;
}

/** The JSON document (no newline) that stands for a record which its destination can never take. */
export function deadLetterDocument(letter: DeadLetter): Buffer {
  const { id, stream, epoch, seq, index } = JSON.parse(letter.record.toString('utf8')) as Record<string, unknown>;
  const document = {
    v: 1,
    type: 'DeadLetter',
    id,
    stream,
    epoch,
    seq,
    index,
    sink: letter.sink,
    target: letter.target,
    reason: letter.reason,
    message: letter.message,
    raw: letter.record.subarray(0, maxDeadLetterRaw).toString('base64'),
    raw_bytes: letter.record.length,
  };
  return Buffer.from(JSON.stringify(document));
}
