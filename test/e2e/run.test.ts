import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import { compareTruth } from '../support/truth.ts';
import { RawPublisher } from '../support/zmq.ts';
import { Bridge, Program } from './bridge.ts';
import { linesOf, parseRecords, readTruth } from './records.ts';
import { track } from './track.ts';

const folder = mkdtempSync(join(tmpdir(), 'kv-e2e-'));
let files = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const newPath = (name: string) => join(folder, `${files++}-${name}`);
const endpoint = (port: number) => `tcp://127.0.0.1:${port}`;

/** A fake engine that dials in, publishes and ends; resolves with what it published. */
async function publish(port: number, ...args: string[]) {
  const truth = newPath('truth.jsonl');
  const engine = track(
    new Program('simulate', { args: ['--connect', endpoint(port), '--truth', truth, '--hold', '0', ...args] }),
  );
  expect(await engine.exited, engine.stderr).toBe(0);
  return readTruth(truth);
}

const storedIn = (dir: string) =>
  readdirSync(dir)
    .filter((name) => name.startsWith('records-'))
    .sort()
    .flatMap((name) => linesOf(readFileSync(join(dir, name), 'utf8')));

describe('run', () => {
  it('brings every encoding from engines that dial in to stdout and to the file, in order, none twice', async () => {
    const port = await freePorts();
    const dir = newPath('data');
    const bridge = track(await Bridge.start({ ZMQ_PORT: String(port), SINKS: 'stdout,file', FILE_DIR: dir }));
    const truth = [
      ...(await publish(port, '--scenario', 'encodings', '--count', '120', '--rate', '0', '--pod', 'pod-a')),
      ...(await publish(
        port,
        '--scenario',
        'mixed',
        '--count',
        '200',
        '--rate',
        '0',
        '--pod',
        'pod-b',
        '--encoding',
        'array',
      )),
      ...(await publish(port, '--scenario', 'gap', '--count', '60', '--rate', '0', '--pod', 'pod-c')),
    ];
    await waitFor(
      async () =>
        (await bridge.metric('kv_event_bridge_source_frames_total')) >=
        truth.filter((line) => !('unpublished' in line)).length,
      { what: 'all frames came' },
    );
    expect(await bridge.stop(), bridge.stderr).toBe(0);
    const records = parseRecords(linesOf(bridge.stdout));
    expect(storedIn(dir)).toEqual(linesOf(bridge.stdout));
    const counts = compareTruth(truth, records);
    expect(counts).toMatchObject({ streams: 3 });
    expect(counts.events).toBeGreaterThan(350);
    expect(counts.gaps).toBeGreaterThan(0);
  });

  it('receives each data-parallel rank on a port of its own', async () => {
    const port = await freePorts(3);
    const bridge = track(await Bridge.start({ ZMQ_PORT: String(port), ZMQ_DATA_PARALLEL_SIZE: '3' }));
    const truth = await publish(port, '--ranks', '3', '--scenario', 'decode', '--count', '30', '--rate', '0');
    await waitFor(async () => linesOf(bridge.stdout).length >= 93, { what: 'all records came' });
    expect(await bridge.stop()).toBe(0);
    expect(compareTruth(truth, parseRecords(linesOf(bridge.stdout)))).toMatchObject({ streams: 3, events: 90 });
  });

  it('reads bound and connected sources side by side, from a configuration file', async () => {
    const [bound, dialled] = [await freePorts(), await freePorts()];
    const config = newPath('bridge.yaml');
    writeFileSync(
      config,
      `sources:\n  - { name: fleet, bind: "tcp://*:${bound}" }\n  - { name: engine-7, connect: "${endpoint(dialled)}" }\n`,
    );
    const bridge = track(await Bridge.start({ CONFIG: config }));
    const engine = newPath('truth.jsonl');
    const binding = track(
      new Program('simulate', {
        args: [
          '--bind',
          endpoint(dialled),
          '--pod',
          'seven',
          '--scenario',
          'decode',
          '--count',
          '20',
          '--rate',
          '0',
          '--truth',
          engine,
          '--hold',
          '0',
        ],
      }),
    );
    const truth = await publish(bound, '--pod', 'dials', '--scenario', 'decode', '--count', '20', '--rate', '0');
    expect(await binding.exited, binding.stderr).toBe(0);
    await waitFor(() => linesOf(bridge.stdout).length >= 42, { what: 'all records came' });
    expect(await bridge.stop()).toBe(0);
    const records = parseRecords(linesOf(bridge.stdout));
    expect(compareTruth([...truth, ...readTruth(engine)], records)).toMatchObject({ streams: 2, events: 40 });
    expect(new Set(records.map(({ stream }) => stream.split('/')[0]))).toEqual(new Set(['fleet', 'engine-7']));
  });

  it('marks a restarted engine in the data and keeps its ids apart', async () => {
    const port = await freePorts();
    const bridge = track(await Bridge.start({ ZMQ_PORT: String(port) }));
    await publish(port, '--scenario', 'restart', '--count', '60', '--rate', '0');
    await waitFor(() => linesOf(bridge.stdout).some((line) => line.includes('"StreamRestarted"')), {
      what: 'the restart is said',
    });
    expect(await bridge.stop()).toBe(0);
    const records = parseRecords(linesOf(bridge.stdout));
    expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    expect(records.filter(({ type }) => type === 'StreamStarted')).toHaveLength(1);
  });

  it('survives hostile frames between good ones', async () => {
    const port = await freePorts();
    const bridge = track(await Bridge.start({ ZMQ_PORT: String(port) }));
    const publisher = RawPublisher.connect(endpoint(port));
    await publisher.subscribed();
    const number = (seq: number) => {
      const frame = Buffer.alloc(8);
      frame.writeBigUInt64BE(BigInt(seq));
      return frame;
    };
    const good = Buffer.from('93cb3ff80000000000009181a474797065b0416c6c426c6f636b73436c656172656400', 'hex');
    const bomb = Buffer.alloc(100, Buffer.from('dd01ffffff', 'hex'));
    for (const [seq, payload] of [
      good,
      bomb,
      Buffer.alloc(1_000_000, 0x91),
      Buffer.from('{"json":1}'),
      good,
    ].entries()) {
      await publisher.send('t', number(seq), payload);
    }
    await publisher.send(Buffer.from('ff', 'hex'), 'short', good);
    await publisher.send('a', 'b', 'c', 'd', 'e');
    await publisher.send('t', number(5), good);
    await waitFor(() => linesOf(bridge.stdout).some((line) => line.includes('"seq":"5"')), {
      what: 'the last good frame came',
    });
    publisher.close();
    expect(await bridge.stop()).toBe(0);
    const types = parseRecords(linesOf(bridge.stdout)).map(({ type }) => type);
    expect(types.filter((type) => type === 'AllBlocksCleared')).toHaveLength(3);
    expect(types.filter((type) => type === 'Undecodable')).toHaveLength(5);
    expect(types).not.toContain('StreamGap');
  });

  it('ends with exit code 0 when the reader of its output goes away', async () => {
    const port = await freePorts();
    const bridge = track(await Bridge.start({ ZMQ_PORT: String(port) }));
    bridge.child.stdout?.destroy();
    const engine = track(
      new Program('simulate', { args: ['--connect', endpoint(port), '--rate', '200', '--count', '0'] }),
    );
    expect(await bridge.exited, bridge.stderr).toBe(0);
    // Asked kindly it would offer the rest to a bridge that is gone, for 10 s.
    await engine.stop('SIGKILL');
  });

  it('ends with exit code 1 and says how much is missing when a sink stays away', async () => {
    const port = await freePorts();
    const dead = await freePorts();
    const bridge = track(
      await Bridge.start({
        ZMQ_PORT: String(port),
        SINKS: 'stdout,redis',
        REDIS_URL: `redis://127.0.0.1:${dead}`,
        DRAIN_TIMEOUT: '500ms',
        CHECKPOINT_WAIT: '0',
      }),
    );
    await publish(port, '--scenario', 'decode', '--count', '20', '--rate', '0');
    await waitFor(() => linesOf(bridge.stdout).length >= 21, { what: 'stdout has it all' });
    expect(await bridge.isReady()).toBe(false);
    expect(await bridge.stop()).toBe(1);
    expect(bridge.log.at(-1)).toMatchObject({ undelivered: { redis: 21 } });
  });

  it('ends at once at a second signal', async () => {
    const port = await freePorts();
    const dead = await freePorts();
    const env = {
      ZMQ_PORT: String(port),
      SINKS: 'redis',
      REDIS_URL: `redis://127.0.0.1:${dead}`,
      DRAIN_TIMEOUT: '10m',
      CHECKPOINT_WAIT: '0',
    };
    const bridge = track(await Bridge.start(env));
    await publish(port, '--scenario', 'decode', '--count', '5', '--rate', '0');
    await waitFor(async () => (await bridge.metric('kv_event_bridge_lane_records')) > 0, { what: 'records wait' });
    bridge.child.kill('SIGTERM');
    await waitFor(() => bridge.stderr.includes('stopping'), { what: 'it is stopping' });
    expect(await bridge.stop('SIGINT')).toBe(1);
  });

  it('says which port is taken and ends with exit code 1', async () => {
    const server = createServer().listen(0);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const bridge = track(new Program('run', { env: { ZMQ_PORT: String(port), HTTP_PORT: 'off' } }));
    expect(await bridge.exited).toBe(1);
    expect(bridge.stderr).toContain(String(port));
    server.close();
  });

  it('refuses a wrong configuration with exit code 2 and names everything that is wrong', async () => {
    const bridge = track(new Program('run', { env: { ZMQ_PORT: '5557abc', SINKS: 'stdout,kafak' } }));
    expect(await bridge.exited).toBe(2);
    expect(bridge.stderr).toContain('5557abc');
    expect(bridge.stderr).toContain('kafak');
    expect(bridge.stderr).toContain('kafka');
    expect(bridge.stdout).toBe('');
  });

  it('starts as operators of the old listener start it, and warns about the variable it does not read', async () => {
    const port = await freePorts();
    const bridge = track(await Bridge.start({ ZMQ_PORT: String(port), LISTENER_PORT: '5557' }));
    expect(bridge.log.some(({ msg }) => String(msg).includes('LISTENER_PORT'))).toBe(true);
    expect(await bridge.stop()).toBe(0);
  });
});

describe('the program', () => {
  it('writes nothing but records to stdout, so that it works in a pipe', async () => {
    const port = await freePorts();
    const bridge = track(await Bridge.start({ ZMQ_PORT: String(port) }));
    await publish(port, '--scenario', 'decode', '--count', '3', '--rate', '0');
    await waitFor(() => linesOf(bridge.stdout).length >= 4, { what: 'records came' });
    await bridge.stop();
    expect(parseRecords(linesOf(bridge.stdout))).toHaveLength(4);
  });

  it('shows its version and its help', async () => {
    const version = track(new Program('--version'));
    expect(await version.exited).toBe(0);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = spawn(process.execPath, [new URL('../../dist/main.js', import.meta.url).pathname, '--help']);
    expect((await once(help, 'close'))[0]).toBe(0);
  });
});
