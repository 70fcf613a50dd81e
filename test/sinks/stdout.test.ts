import { execFile, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sink } from '../../src/core/sink.ts';
import { stdoutSink } from '../../src/sinks/stdout.ts';
import type { OpenHarness } from '../contract/harness.ts';
import { sinkContract } from '../contract/sink.contract.ts';
import { documentsOf, eventBatch, eventBatches, testStream } from '../support/batches.ts';
import { compileSources } from '../support/compiled.ts';
import { defaultsOf } from '../support/defaults.ts';

const child = join(import.meta.dirname, 'children/stdout.mjs');
const stream = testStream();

function makeSink(stdout: NodeJS.WritableStream, format: 'json' | 'pretty' = 'json'): Promise<Sink> {
  const config = { ...defaultsOf(stdoutSink.settings), format };
  return stdoutSink.create(config, { bridge: 'test', stdout, observe: () => {} });
}

/** A stream that keeps what it gets until somebody takes it; `taken` lets the chunk in hand through. */
function slowReader(): { stdout: Writable; chunks: Buffer[]; taken(error?: Error): void } {
  const chunks: Buffer[] = [];
  let callback: ((error?: Error) => void) | null = null;
  const stdout = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      chunks.push(chunk);
      callback = done;
    },
  });
  return { stdout, chunks, taken: (error) => callback?.(error) };
}

const openHarness: OpenHarness = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'kv-stdout-'));
  const output = createWriteStream(join(dir, 'out'), { flags: 'a' });
  await once(output, 'open');
  return {
    make: () => makeSink(output),
    readBack: async () => (await readFile(join(dir, 'out'), 'utf8')).split('\n').slice(0, -1),
    dispose: async () => {
      output.end();
      await once(output, 'close');
      await rm(dir, { recursive: true });
    },
  };
};

sinkContract('stdout', openHarness, {
  noOutage: 'a reader that is gone never comes back',
  noPoison: 'a pipe takes any record',
});

describe('stdout sink', () => {
  it('hands the bytes of a batch on as they are, one write per flush', async () => {
    const { stdout, chunks, taken } = slowReader();
    const sink = await makeSink(stdout);
    await sink.connect();
    const [first, ...others] = eventBatches(stream, 0, 4);
    if (first === undefined) throw new Error('no batch');
    for (const batches of [[first], others]) {
      const writing = sink.write(batches);
      taken();
      await writing;
    }
    expect(chunks[0]).toBe(first.bytes);
    expect(chunks).toHaveLength(2);
    expect(chunks[1]?.toString()).toBe(
      documentsOf(others)
        .map((document) => `${document}\n`)
        .join(''),
    );
  });

  it('does not resolve before the stream has let the chunk go', async () => {
    const { stdout, taken } = slowReader();
    const sink = await makeSink(stdout);
    await sink.connect();
    const order: string[] = [];
    const writing = sink.write([eventBatch(stream, 0)]).then(() => order.push('written'));
    await new Promise(setImmediate);
    order.push('taken');
    taken();
    await writing;
    expect(order).toEqual(['taken', 'written']);
  });

  it('closes while its reader does not read, and fails the waiting write', async () => {
    const { stdout } = slowReader();
    const sink = await makeSink(stdout);
    await sink.connect();
    const writing = expect(sink.write([eventBatch(stream, 0)])).rejects.toMatchObject({ code: 'CLOSED', written: 0 });
    await sink.close();
    await writing;
  });

  it('leaves no listener on the stream', async () => {
    const { stdout } = slowReader();
    const before = stdout.listenerCount('error');
    const sink = await makeSink(stdout);
    await sink.connect();
    expect(stdout.listenerCount('error')).toBe(before + 1);
    await sink.close();
    expect(stdout.listenerCount('error')).toBe(before);
  });

  it('keeps its listener when the stream has failed: the error event comes after close', async () => {
    const { stdout, taken } = slowReader();
    const sink = await makeSink(stdout);
    await sink.connect();
    const writing = sink.write([eventBatch(stream, 0)]);
    taken(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await expect(writing).rejects.toMatchObject({ kind: 'closed', code: 'EPIPE' });
    await sink.close();
    expect(stdout.listenerCount('error')).toBe(1);
  });

  it('begins on a new line after a failed write: half a line may be out there', async () => {
    const chunks: string[] = [];
    const stdout = Object.assign(new EventEmitter(), {
      write(chunk: Buffer, done: (error?: Error) => void) {
        chunks.push(String(chunk));
        done(chunks.length === 1 ? Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' }) : undefined);
      },
    });
    // Like process.stdout, which stays usable after an error; a stream of our own cannot be made so.
    const sink = await makeSink(stdout as unknown as NodeJS.WritableStream);
    await sink.connect();
    const line = eventBatch(stream, 0).bytes.toString();
    await expect(sink.write([eventBatch(stream, 0)])).rejects.toMatchObject({ code: 'ENOSPC' });
    await sink.write([eventBatch(stream, 0)]);
    await sink.write([eventBatch(stream, 0)]);
    expect(chunks).toEqual([line, `\n${line}`, line]);
  });

  it('remembers why the stream was destroyed', async () => {
    const { stdout, taken } = slowReader();
    const sink = await makeSink(stdout);
    await sink.connect();
    const writing = sink.write([eventBatch(stream, 0)]);
    taken(Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' }));
    for (const failing of [writing, sink.write([eventBatch(stream, 0)]), sink.connect()]) {
      await expect(failing).rejects.toMatchObject({ kind: 'destination', code: 'ENOSPC' });
    }
  });

  it('says closed when it is connected to a stream that is already gone', async () => {
    const { stdout } = slowReader();
    stdout.destroy();
    const sink = await makeSink(stdout);
    await expect(sink.connect()).rejects.toMatchObject({ kind: 'closed', code: 'EPIPE' });
  });

  it('writes one short line per record with format: pretty', async () => {
    const { stdout, chunks, taken } = slowReader();
    const sink = await makeSink(stdout, 'pretty');
    await sink.connect();
    const writing = sink.write([eventBatch(stream, 41, 2, { tokens: 16 })]);
    taken();
    await writing;
    const lines = String(chunks[0]).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toContain(`${stream.id} #41.1 BlockStored`);
    expect(lines[1]).toContain('token_ids=[16]');
    expect(lines[1]).not.toContain('\u001b');
  });

  it('colours pretty lines on a terminal only', async () => {
    const { stdout, chunks, taken } = slowReader();
    const sink = await makeSink(Object.assign(stdout, { isTTY: true }), 'pretty');
    await sink.connect();
    const writing = sink.write([eventBatch(stream, 1)]);
    taken();
    await writing;
    expect(String(chunks[0])).toContain('\u001b[32mBlockStored\u001b[0m');
  });
});

/** What the child said at its end; `wc` may write in between. */
function endingIn(stderr: string): { done: number; errors: unknown[] } {
  return JSON.parse(stderr.split('\n').find((line) => line.includes('"done"')) ?? '');
}

describe('stdout sink in a process of its own', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await compileSources(['src/sinks/stdout.ts']);
  });
  afterAll(() => rm(dir, { recursive: true }));

  it('says closed, exits cleanly and leaves nothing uncaught when its reader goes away', async () => {
    const script = `${process.execPath} ${child} ${dir} Infinity 100 | head -n 1 | wc -l >&2; exit "\${PIPESTATUS[0]}"`;
    const { stderr } = await promisify(execFile)('bash', ['-c', script]);
    expect(stderr).toMatch(/^1$/m);
    expect(endingIn(stderr).errors).toEqual(
      Array(2).fill({ name: 'SinkError', kind: 'closed', code: 'EPIPE', written: 0 }),
    );
  });

  it('never says closed for a full disk: that would end the bridge as if all were well', async () => {
    const script = `${process.execPath} ${child} ${dir} 5 1 > /dev/full`;
    const { stderr } = await promisify(execFile)('bash', ['-c', script]);
    expect(endingIn(stderr).errors).toEqual(
      Array(2).fill({ name: 'SinkError', kind: 'destination', code: 'ENOSPC', written: 0 }),
    );
  });

  it('goes on when a full file has room again, without losing a record', async () => {
    const out = join(dir, 'out');
    // 8 blocks of 1024 bytes: the ninth line of 1010 bytes is cut in two.
    const script = `ulimit -f 8; exec ${process.execPath} ${child} ${dir} 12 1 1000 >> ${out}`;
    const writer = spawn('bash', ['-c', script], { stdio: ['ignore', 'ignore', 'pipe'] });
    const [said] = await once(writer.stderr, 'data');
    expect(String(said)).toContain('failed');
    const first = await readFile(out, 'utf8');
    expect(first.split('\n').at(-1)).not.toBe('');
    await truncate(out, 0);
    const ending = endingIn(await text(writer.stderr));
    expect(ending.done).toBe(12);
    const lines = [...first.split('\n'), ...(await readFile(out, 'utf8')).split('\n')];
    expect(lines.filter((line) => line.length === 1_009)).toHaveLength(12);
  });

  it('gets everything through a pipe to a reader that pauses', async () => {
    const writer = spawn(process.execPath, [child, dir, '50', '1000'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const ending = text(writer.stderr);
    let bytes = 0;
    for await (const chunk of writer.stdout) {
      bytes += chunk.length;
      await new Promise(setImmediate);
    }
    expect(endingIn(await ending)).toEqual({ done: 50, errors: [] });
    expect(bytes).toBe(50 * 1000 * 1010);
  });
});
