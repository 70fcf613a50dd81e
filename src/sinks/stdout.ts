import { fstatSync, write as writeFd } from 'node:fs';
import { promisify } from 'node:util';
import type { RecordBatch } from '../core/batch.ts';
import { recordAt } from '../core/batch.ts';
import { messageOf, SinkError } from '../core/errors.ts';
import { laneSettings } from '../core/lane-settings.ts';
import type { SettingsValue } from '../core/settings.ts';
import type { Sink, SinkModule, WriteOutcome } from '../core/sink.ts';
import { spansOf } from '../core/spans.ts';
import { prettyLine } from '../wire/pretty.ts';
import { examineStdout } from './stdout/examine.ts';

const settings = {
  ...laneSettings,
  format: {
    doc: 'One JSON document per line (`json`), or one short line per record for people (`pretty`).',
    choices: ['json', 'pretty'],
    default: 'json',
  },
} as const;

/** How the system says that the reader went away. */
const readerGone = new Set(['EPIPE', 'ECONNRESET', 'EOF']);

type Output = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly destroyed?: boolean;
  readonly fd?: number | null;
};

/**
 * Records on standard output. A write resolves once the stream has handed the bytes to the system, so at most one
 * chunk is ever buffered here and a slow reader slows the lane. What the reader does with them is its own affair.
 */
class StdoutSink implements Sink {
  readonly #output: Output;
  readonly #encode: (batches: readonly RecordBatch[]) => Buffer[];
  /** Its descriptor where standard output is a regular file. */
  readonly #file: number | null;
  /** The system takes the bytes over with each write; any other stream may keep them. */
  readonly #hasDescriptor: boolean;
  #listening = false;
  #failure: SinkError | null = null;
  #abandon: ((error: SinkError) => void) | null = null;

  constructor(output: Output, encode: (batches: readonly RecordBatch[]) => Buffer[]) {
    this.#output = output;
    this.#file = regularFile(output);
    this.#hasDescriptor = typeof output.fd === 'number';
    this.#encode = encode;
  }

  async connect(): Promise<null> {
    if (this.#output.destroyed === true) throw this.#fail({ code: 'ERR_STREAM_DESTROYED', message: 'already closed' });
    if (!this.#listening) this.#output.on('error', this.#onError);
    this.#listening = true;
    return null;
  }

  async write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    if (this.#failure !== null && (this.#failure.kind === 'closed' || this.#output.destroyed)) throw this.#failure;
    const pieces = this.#encode(batches);
    if (pieces.length === 0) return { deadLettered: 0, batchesDeadLettered: 0 };
    // After a failure half a line may be out there: what is written again begins on a line of its own.
    const isAfterFailure = this.#failure !== null;
    const isOurs = this.#hasDescriptor || batches.every(({ memory }) => memory === null);
    for (const [index, piece] of pieces.entries()) {
      const line = isAfterFailure && index === 0 ? Buffer.concat([newline, piece]) : piece;
      await this.#send(isOurs ? line : Buffer.from(line));
    }
    this.#failure = null;
    return { deadLettered: 0, batchesDeadLettered: 0 };
  }

  async close(): Promise<void> {
    this.#abandon?.(
      new SinkError({ kind: 'transient', code: 'CLOSED', message: 'stdout: closed while its reader did not read' }),
    );
    // A failed stream emits its error after the callback of the write: without a listener that would end the process.
    if (this.#failure !== null || !this.#listening) return;
    this.#output.removeListener('error', this.#onError);
    this.#listening = false;
  }

  async #send(chunk: Buffer): Promise<void> {
    if (this.#file === null) return this.#sendToStream(chunk);
    try {
      await writeAll(this.#file, chunk);
    } catch (error) {
      throw this.#fail(error as NodeJS.ErrnoException);
    }
  }

  #sendToStream(chunk: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#abandon = reject;
      const flushed = (error?: Error | null) => {
        this.#abandon = null;
        if (error) reject(this.#fail(error));
        else resolve();
      };
      try {
        // The callback comes when the chunk has left the buffer: that is `drain` as well, for there is no second chunk.
        this.#output.write(chunk, flushed);
      } catch (error) {
        flushed(error instanceof Error ? error : new Error(messageOf(error)));
      }
    });
  }

  readonly #onError = (error: Error): void => {
    this.#fail(error);
  };

  /** A stream destroyed by an error says so afterwards; what counts is why. */
  #fail(error: { readonly code?: string | undefined; readonly message: string }): SinkError {
    const isAfterwards = error.code === 'ERR_STREAM_DESTROYED' || error.code === 'ERR_STREAM_WRITE_AFTER_END';
    if (!isAfterwards) this.#failure = classify(error);
    else this.#failure ??= classify({ code: 'EPIPE', message: error.message });
    return this.#failure;
  }
}

const newline = Buffer.from('\n');

function classify(error: { readonly code?: string | undefined; readonly message: string }): SinkError {
  const code = error.code ?? 'UNKNOWN';
  if (readerGone.has(code)) {
    return new SinkError({ kind: 'closed', code: 'EPIPE', message: 'stdout: its reader has gone away', cause: error });
  }
  const message = `stdout: cannot be written (${error.message}); mend what it is redirected to (is its disk full?)`;
  return new SinkError({ kind: 'destination', code, message, cause: error });
}

function regularFile({ fd }: Output): number | null {
  return typeof fd === 'number' && fstatSync(fd).isFile() ? fd : null;
}

const write = promisify(writeFd);

/** Node's own stream for a redirected stdout takes a short write (the disk is getting full) for a whole one. */
async function writeAll(fd: number, chunk: Buffer): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await write(fd, chunk, done, chunk.length - done, null);
    done += bytesWritten;
  }
}

/** The bytes as they are: batches already hold one JSON document per line. */
function jsonBytes(batches: readonly RecordBatch[]): Buffer[] {
  const pieces = spansOf(batches.map((batch) => batch.bytes)).filter(({ length }) => length > 0);
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  const isWorthCopying = pieces.length > 1 && bytes / pieces.length < copyBelow;
  return isWorthCopying ? [Buffer.concat(pieces)] : pieces;
}

/** A write costs about as much as to copy so many bytes. */
const copyBelow = 16_384;

function prettyBytes(batches: readonly RecordBatch[], colour: boolean): Buffer[] {
  const lines = batches.flatMap((batch) => batch.ends.map((_, index) => prettyLine(recordAt(batch, index), colour)));
  return lines.length === 0 ? [] : [Buffer.from(lines.join(''))];
}

export const stdoutSink: SinkModule<typeof settings> = {
  name: 'stdout',
  settings,
  async create(config: SettingsValue<typeof settings>, context) {
    const output: Output = context.stdout;
    const colour = output.isTTY === true;
    return new StdoutSink(output, config.format === 'json' ? jsonBytes : (batches) => prettyBytes(batches, colour));
  },
  examine: () => examineStdout(),
};
