import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { RunsOfBatches } from './in-runs.ts';

/** Payloads back to back; nothing of it is copied on the way over. */
interface Job {
  readonly bytes: ArrayBuffer;
  readonly lengths: readonly number[];
  /** Of the first. */
  readonly seq: number;
}

/** Records back to back. */
interface Answer {
  readonly bytes: ArrayBuffer;
  readonly ends: readonly (readonly number[])[];
}

/** What a socket gives at once. */
const jobBytes = 65_536;
/** So that neither side waits for the other. */
const most = 4;

/** The transcoder at work in a thread of its own, as a setting `workers` would have it. */
export class OtherThread {
  readonly #worker = new Worker(new URL(import.meta.url));
  #payloads: Buffer[] = [];
  #size = 0;
  #first = 0;
  #waiting = 0;
  #answered = 0;
  #onAnswer: (() => void) | null = null;

  constructor() {
    this.#worker.on('message', ({ bytes }: Answer) => {
      this.#waiting -= 1;
      this.#answered += bytes.byteLength;
      this.#onAnswer?.();
    });
    this.#worker.on('error', (error) => {
      throw error;
    });
  }

  /** Bytes of the records that have come back since the last call. */
  take(payload: Buffer, seq: number): number | Promise<number> {
    if (this.#size === 0) this.#first = seq;
    this.#payloads.push(payload);
    this.#size += payload.length;
    if (this.#size < jobBytes) return 0;
    this.#send();
    return this.#waiting < most ? this.#collect() : this.#answer();
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #send(): void {
    // As the bytes of a socket are copied out of the buffer that they were read into.
    const bytes = new Uint8Array(this.#size);
    let at = 0;
    for (const payload of this.#payloads) {
      bytes.set(payload, at);
      at += payload.length;
    }
    const lengths = this.#payloads.map(({ length }) => length);
    const job: Job = { bytes: bytes.buffer, lengths, seq: this.#first };
    this.#worker.postMessage(job, [job.bytes]);
    this.#payloads = [];
    this.#size = 0;
    this.#waiting += 1;
  }

  #collect(): number {
    const answered = this.#answered;
    this.#answered = 0;
    return answered;
  }

  async #answer(): Promise<number> {
    await new Promise<void>((resolve) => {
      this.#onAnswer = resolve;
    });
    return this.#collect();
  }
}

function work(runs: RunsOfBatches, { bytes, lengths, seq }: Job): Answer {
  const payloads = Buffer.from(bytes);
  const all: (ReturnType<RunsOfBatches['take']> & object)[] = [];
  let at = 0;
  for (const [index, length] of lengths.entries()) {
    const finished = runs.take(payloads.subarray(at, at + length), seq + index);
    if (finished !== null) all.push(finished);
    at += length;
  }
  const last = runs.end();
  if (last !== null) all.push(last);
  const records = new Uint8Array(all.reduce((sum, { bytes: some }) => sum + some.length, 0));
  let to = 0;
  for (const { bytes: some, memory } of all) {
    records.set(some, to);
    to += some.length;
    memory?.release();
  }
  return { bytes: records.buffer, ends: all.map(({ ends }) => ends) };
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const runs = new RunsOfBatches();
  port.on('message', (job: Job) => {
    const answer = work(runs, job);
    port.postMessage(answer, [answer.bytes]);
  });
}
