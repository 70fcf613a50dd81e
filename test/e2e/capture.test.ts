import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../src/core/frame.ts';
import type { PublishedLine } from '../../src/simulator/truth.ts';
import { readBack } from '../capture/support.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import { RawPublisher } from '../support/zmq.ts';
import { Program } from './bridge.ts';
import { readTruth } from './records.ts';
import { track } from './track.ts';

const folder = mkdtempSync(join(tmpdir(), 'kv-e2e-capture-'));
let files = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const endpoint = (port: number) => `tcp://127.0.0.1:${port}`;
const fresh = (ending: string) => join(folder, `${files++}${ending}`);

function capture(...args: string[]) {
  const file = fresh('.kvcap');
  return { file, program: track(new Program('capture', { args: [file, ...args] })) };
}

function engine(...args: string[]) {
  const truth = fresh('.jsonl');
  const program = track(new Program('simulate', { args: ['--truth', truth, '--rate', '0', ...args] }));
  const published = () => readTruth(truth).filter((line): line is PublishedLine => 'ts' in line);
  return { program, published };
}

const seqOf = ({ parts }: Frame) => String(parts[1]?.readBigUInt64BE());

const ways = [
  ['zmtp', 'bind', []],
  ['libzmq', 'bind', ['--zmq-transport', 'libzmq']],
  ['zmtp', 'connect', []],
  ['libzmq', 'connect', ['--zmq-transport', 'libzmq']],
] as const;

describe('capture', () => {
  it.each(ways)('over %s, %s: has every frame that a real engine published', async (transport, mode, flags) => {
    const port = await freePorts();
    const isBound = mode === 'bind';
    const where = isBound ? ['--bind', endpoint(port)] : [endpoint(port)];
    const { file, program } = capture(...where, ...flags, '--count', '300', '--json');
    if (isBound) await waitFor(() => program.stderr.includes('listening at'), { what: 'it listens' });
    const { published } = engine(isBound ? '--connect' : '--bind', endpoint(port), '--count', '300', '--hold', '5s');
    expect(await program.exited, program.stderr).toBe(0);
    const { frames, ending, meta } = await readBack(file);
    expect(ending).toMatchObject({ kind: 'complete', totals: { frames: 300, reason: 'count' } });
    const truth = published();
    expect(frames.map(seqOf)).toEqual(truth.map(({ sequence }) => sequence));
    expect(new Set(frames.map(({ parts }) => String(parts[0])))).toEqual(new Set(['kv@pod-0@Qwen/Qwen3-0.6B']));
    expect(new Set(frames.map(({ peer }) => peer))).toEqual(new Set([transport === 'zmtp' ? '127.0.0.1' : null]));
    expect(meta.sources).toMatchObject([{ name: 'zmq', mode, transport, endpoint: endpoint(port) }]);
    for (const [index, { receivedAt }] of frames.entries())
      expect(receivedAt / 1_000).toBeGreaterThanOrEqual((truth[index]?.ts ?? 0) - 0.01);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(program.stdout)).toMatchObject({
      ...{ file, ended: 'count', frames: 300, file_bytes: statSync(file).size },
      publishers: [{ source: 'zmq', topic: 'kv@pod-0@Qwen/Qwen3-0.6B', frames: 300 }],
    });
  });

  it('keeps every part of frames that are no batches', async () => {
    const port = await freePorts();
    const { file, program } = capture('--bind', endpoint(port));
    const publisher = RawPublisher.connect(endpoint(port));
    await publisher.subscribed();
    const odd = [['alone'], ['t', 'short', 'x'], ['t', '', '', '', 'five'], ['']];
    for (const parts of odd) await publisher.send(...parts);
    await waitFor(() => existsSync(file) && statSync(file).size > 450, { what: 'it has begun' });
    await waitFor(async () => (await readBack(file)).frames.length === 4, { what: 'all are in the file' });
    expect(await program.stop('SIGINT'), program.stderr).toBe(0);
    publisher.close();
    const { frames, ending } = await readBack(file);
    expect(frames.map(({ parts }) => parts.map(String))).toEqual(odd);
    expect(ending).toMatchObject({ kind: 'complete', totals: { reason: 'stopped' } });
    expect(program.stdout).toContain('4 frames of 2 publishers');
  });

  it('ends after its time, and says where to look when nothing came', async () => {
    const { file, program } = capture('--bind', endpoint(await freePorts()), '--duration', '300ms');
    expect(await program.exited, program.stderr).toBe(0);
    expect((await readBack(file)).ending).toMatchObject({
      kind: 'complete',
      totals: { frames: 0, reason: 'duration' },
    });
    expect(program.stderr).toContain('doctor');
  });

  it('ends before its file is larger than it may be', async () => {
    const port = await freePorts();
    const { file, program } = capture('--bind', endpoint(port), '--max-bytes', '100KiB');
    engine('--connect', endpoint(port));
    expect(await program.exited, program.stderr).toBe(0);
    expect(statSync(file).size).toBeLessThanOrEqual(102_400);
    expect(statSync(file).size).toBeGreaterThan(60_000);
    expect((await readBack(file)).ending).toMatchObject({ kind: 'complete', totals: { reason: 'max-bytes' } });
  });

  it('killed in the middle can be read up to its last whole frame', async () => {
    const port = await freePorts();
    const { file, program } = capture('--bind', endpoint(port));
    const { published } = engine('--connect', endpoint(port), '--scenario', 'prefill');
    await waitFor(() => existsSync(file) && statSync(file).size > 2_000_000, { what: 'much was written' });
    await program.stop('SIGKILL');
    const { frames, ending } = await readBack(file);
    expect(ending.kind).toBe('cut');
    expect(frames.length).toBeGreaterThan(20);
    await waitFor(() => published().length >= frames.length, { what: 'the truth is written' });
    expect(frames.map(seqOf)).toEqual(frames.map((_, index) => String(index)));
  });

  it('on a full disk fails, says so, and keeps what was written', async () => {
    const port = await freePorts();
    const file = fresh('.kvcap');
    const main = new URL('../../dist/main.js', import.meta.url).pathname;
    // Blocks of 512 or 1024 bytes: at least 100 KiB fit.
    const line = 'ulimit -f 200 && exec "$0" "$1" capture "$2" --bind "$3"';
    const child = spawn('sh', ['-c', line, process.execPath, main, file, endpoint(port)], { env: {} });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    engine('--connect', endpoint(port));
    expect((await once(child, 'close'))[0], stderr).toBe(1);
    expect(stderr).toMatch(/cannot be written on: .*EFBIG.*; \d+ frames are in it and can be read/);
    const { frames, ending } = await readBack(file);
    expect(ending).toEqual({ kind: 'cut', offset: statSync(file).size });
    expect(stderr).toContain(`; ${frames.length} frames are in it`);
    expect(frames.length).toBeGreaterThan(10);
  });

  it.each([
    [['--bind', 'tcp://127.0.0.1:5557', '--count', '0'], '--count "0" must be a whole number from 1'],
    [['--duration', '5x'], '--duration "5x" is not allowed: write it like 30s or 5m'],
    [['--max-bytes', '10'], '--max-bytes "10" is not allowed: write it like 100MiB, at least 4KiB'],
    [['http://x'], 'endpoint "http://x" '],
    [['--bind', 'tcp://127.0.0.1:5999', '--zmq-transport', 'x'], 'zmq.transport'],
  ])('refuses %j and makes no file', async (args, message) => {
    const { file, program } = capture(...args);
    expect(await program.exited).toBe(2);
    expect(program.stderr).toContain(message);
    expect(existsSync(file)).toBe(false);
  });

  it('keeps an existing file, and leaves none behind where its port is taken', async () => {
    const port = await freePorts();
    const first = capture('--bind', endpoint(port));
    await waitFor(() => existsSync(first.file), { what: 'it runs' });
    const second = capture('--bind', endpoint(port));
    expect(await second.program.exited).toBe(1);
    expect(second.program.stderr).toContain(`cannot bind ${endpoint(port)}`);
    expect(existsSync(second.file)).toBe(false);
    await first.program.stop();
    const before = readFileSync(first.file);
    const again = track(new Program('capture', { args: [first.file, '--bind', endpoint(port)] }));
    expect(await again.exited).toBe(2);
    expect(again.stderr).toContain('is there already: name another file, or replace it with --force');
    expect(readFileSync(first.file).equals(before)).toBe(true);
  });
});
