/** The record batch for one partition. */
export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
}

const allReplicas = -1;

/**
 * Body of a Produce request, versions 3 to 7: `transactional_id acks timeout [topic [partition record_set]]`. One topic
 * for each batch: a topic may stand there several times. In pieces, the record batches as they are.
 */
export function produceBody(
  batches: readonly PartitionBatch[],
  { transactionalId, timeout }: { readonly transactionalId: string | null; readonly timeout: number },
): readonly Buffer[] {
  const head = [nullableString(transactionalId), int16(allReplicas), int32(timeout), int32(batches.length)];
  const data = batches.flatMap(({ topic, partition, bytes }) => [
    Buffer.concat([nullableString(topic), int32(1), int32(partition), int32(bytes.length)]),
    bytes,
  ]);
  return [Buffer.concat(head), ...data];
}

function nullableString(text: string | null): Buffer {
  if (text === null) return int16(-1);
  const bytes = Buffer.from(text);
  return Buffer.concat([int16(bytes.length), bytes]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}
