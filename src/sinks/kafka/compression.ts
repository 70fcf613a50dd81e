import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type kafkajs from 'kafkajs';

type Compress = (bytes: Buffer) => Promise<Buffer>;

/** A way to compress record batches; its number in the protocol, 0 for none. */
export interface Codec {
  readonly number: number;
  readonly compress: Compress | null;
}

type Zstd = (bytes: Buffer, done: (error: Error | null, compressed: Buffer) => void) => void;

/** Node.js 22.15 and newer have it; the types of Node.js 20 do not know it. */
const zstdCompress = (zlib as { zstdCompress?: Zstd }).zstdCompress;
export const hasZstd = zstdCompress !== undefined;

const load: Readonly<Record<string, () => Promise<Compress>>> = {
  gzip: async () => promisify(zlib.gzip),
  snappy: async () => {
    const { compress } = await import('snappy');
    return (bytes) => framedSnappy(bytes, compress);
  },
  lz4: async () => {
    const { compressFrame } = await import('lz4-napi');
    return (bytes) => compressFrame(bytes);
  },
  zstd: async () => promisify(zstdCompress as Zstd),
};

/** The codec of this name; kafkajs's producer gets it, too (it has gzip alone). */
export async function installCodec(library: typeof kafkajs, name: string): Promise<Codec> {
  const types = library.CompressionTypes;
  const type = { gzip: types.GZIP, snappy: types.Snappy, lz4: types.LZ4, zstd: types.ZSTD }[name] ?? types.None;
  const compress = (await load[name]?.()) ?? null;
  if (compress !== null && name !== 'gzip') {
    extendCodec(library, type, { compress: ({ buffer }: { buffer: Buffer }) => compress(buffer) });
  }
  return { number: type, compress };
}

/** Adds one direction of a codec to kafkajs's table, which all its clients share; the other one stays. */
export function extendCodec(
  library: typeof kafkajs,
  type: number,
  part: { compress(encoder: { buffer: Buffer }): Promise<Buffer> } | { decompress: Compress },
): void {
  const codecs: Record<number, () => object> = library.CompressionCodecs;
  const before = codecs[type];
  codecs[type] = () => ({ ...withoutThrowing(before), ...part });
}

/** What kafkajs lacks it says by throwing. */
function withoutThrowing(make: (() => object) | undefined): object {
  try {
    return make?.() ?? {};
  } catch {
    return {};
  }
}

const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
const block = 32_768;

/**
 * Snappy as Java's producer writes it (snappy-java's stream: a header, then length-prefixed blocks). Kafka's protocol
 * never said which framing "snappy" is; every consumer has to read what Java writes, not all read a bare block.
 */
async function framedSnappy(bytes: Buffer, compress: Compress): Promise<Buffer> {
  const parts: Buffer[] = [magic];
  for (let at = 0; at < bytes.length; at += block) {
    const compressed = await compress(bytes.subarray(at, at + block));
    const length = Buffer.alloc(4);
    length.writeInt32BE(compressed.length);
    parts.push(length, compressed);
  }
  return Buffer.concat(parts);
}
