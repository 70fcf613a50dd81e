import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { BridgeError, messageOf } from '../core/errors.ts';
import type { ReadingOptions, RecordReader, StoredRecord } from '../core/record-reader.ts';

/** Reads JSON lines that somebody sends, e.g. on standard input, to their end. */
export class StreamReader implements RecordReader {
  readonly #stream: Readable;
  readonly #name: string;

  constructor(stream: Readable, name: string) {
    this.#stream = stream;
    this.#name = name;
  }

  async *records({ signal, onProgress }: ReadingOptions): AsyncGenerator<StoredRecord> {
    // Whoever sends may never end.
    const abandon = () => this.#stream.destroy();
    signal.addEventListener('abort', abandon, { once: true });
    try {
      let [line, bytes] = [0, 0];
      for await (const text of this.#lines()) {
        line += 1;
        bytes += Buffer.byteLength(text) + 1;
        if (line % 1_000 === 0) onProgress?.(bytes, null);
        if (text !== '') yield { text, place: `${this.#name}:${line}` };
      }
    } catch (error) {
      if (signal.aborted) return;
      throw new BridgeError('UNREADABLE', `${this.#name} cannot be read: ${messageOf(error)}`, { cause: error });
    } finally {
      signal.removeEventListener('abort', abandon);
    }
  }

  async close(): Promise<void> {
    this.#stream.destroy();
  }

  async *#lines(): AsyncGenerator<string> {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    for await (const chunk of this.#stream) {
      const lines = (rest + decoder.write(chunk as Buffer)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
    if (rest !== '') yield rest;
  }
}
