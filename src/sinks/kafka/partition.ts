const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/** Java's `Utils.murmur2`, by which Kafka's own clients place keys; a signed 32-bit number. */
export function murmur2(key: Buffer): number {
  const tail = key.length & 3;
  const body = key.length - tail;
  let hash = seed ^ key.length;
  for (let at = 0; at < body; at += 4) {
    let word = Math.imul(key.readInt32LE(at), multiplier);
    word ^= word >>> 24;
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier);
  }
  if (tail > 0) hash = Math.imul(hash ^ key.readUIntLE(body, tail), multiplier);
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}

/** The partition that a Java producer with its default partitioner gives this key. */
export function partitionOf(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitions;
}
