import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type kafkajs from 'kafkajs';
import { BridgeError } from '../../core/errors.ts';
import { extendCodec } from './compression.ts';

type Decompress = (bytes: Buffer) => Promise<Buffer>;
type Zstd = (bytes: Buffer, done: (error: Error | null, plain: Buffer) => void) => void;

/** Node.js 22.15 and newer have it; the types of Node.js 20 do not know it. */
const zstd = (zlib as { zstdDecompress?: Zstd }).zstdDecompress;

const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
/** The magic bytes, a version and the oldest compatible one. */
const header = 16;

/**
 * Teaches kafkajs to read what producers and brokers compress (it knows gzip alone). The codec's package is loaded with the
 * first batch that needs it.
 */
export function installDecoders(library: typeof kafkajs): void {
  const types = library.CompressionTypes;
  extendCodec(library, types.Snappy, { decompress: unsnappy });
  extendCodec(library, types.LZ4, { decompress: async (bytes) => (await import('lz4-napi')).decompressFrame(bytes) });
  extendCodec(library, types.ZSTD, { decompress: zstd === undefined ? noZstd : (promisify(zstd) as Decompress) });
}

/** As Java's producer frames it (see `compression.ts`), or one bare block, as some others send it. */
async function unsnappy(bytes: Buffer): Promise<Buffer> {
  const { uncompress } = await import('snappy');
  const plain = async (block: Buffer) => (await uncompress(block, { asBuffer: true })) as Buffer;
  if (!bytes.subarray(0, magic.length).equals(magic)) return plain(bytes);
  const blocks: Buffer[] = [];
  for (let at = header; at + 4 <= bytes.length; ) {
    const length = bytes.readInt32BE(at);
    blocks.push(await plain(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

function noZstd(): never {
  const remedy = 'use Node.js 22.15 or newer, or another compression.type of the topic';
  throw new BridgeError('ZSTD', `these records are compressed with zstd, which this Node.js cannot read; ${remedy}`);
}
