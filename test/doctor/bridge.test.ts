import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Status } from '../../src/core/status.ts';
import { PlayedStatus, sinkStatus, sourceStatus, streamStatus } from '../page/played-status.ts';
import { freePorts } from '../support/ports.ts';
import { assertStatus } from '../support/schema.ts';
import type { Diagnosis } from './support.ts';
import { diagnose } from './support.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Answers every request with this document. */
async function serving(document: unknown): Promise<string> {
  const server = createServer((_, response) => response.end(JSON.stringify(document))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return String((server.address() as AddressInfo).port);
}

const now = 1_763_800_100;
const last_frame_at = now - 0.5;
const source = sourceStatus({ peers: 1, frames: 9, last_frame_at, clock_skew_seconds: 0.01 });
const stream = streamStatus('zmq/t/0');
const sink = sinkStatus('redis');
const played = new PlayedStatus();
played.over = { name: 'kv-event-bridge', now, sources: [source], sinks: [sink] };
played.streams = [stream];
const healthy = played.status();
const control = (type: string) => ({ v: 1, id: type, type, stream: stream.id });

/** Of a bridge that says this. */
async function told(change: Partial<Status>): Promise<Diagnosis> {
  const status: unknown = { ...healthy, ...change };
  assertStatus(status);
  return ask(status);
}

const ask = async (status: unknown) => diagnose(['--only', 'sources'], { HTTP_PORT: await serving(status) });

describe('doctor reads the status of a bridge', () => {
  it('asks it, and leaves its ports alone', async () => {
    const found = await told({});
    expect(found.codes).toEqual(['bridge-ready', 'bridge-source', 'bridge-sink']);
    expect(found).toMatchObject({ verdict: 'Works.', exitCode: 0 });
  });

  it.each<readonly [string, Partial<Status>]>([
    ['bridge-not-ready', { ready: false, reasons: ['draining: the bridge is about to end'] }],
    ['bridge-source-closed', { sources: [{ ...source, state: 'closed' }] }],
    ['bridge-source-alone', { sources: [{ ...source, peers: 0 }] }],
    ['bridge-source-quiet', { sources: [{ ...source, last_frame_at: now - 70 }] }],
    ['bridge-source-quiet', { sources: [{ ...source, last_frame_at: null }] }],
    ['bridge-undecodable', { sources: [{ ...source, undecodable: 3 }] }],
    ['bridge-clock-skew', { sources: [{ ...source, clock_skew_seconds: -7 }] }],
    ['bridge-recovering', { streams: { known: 1, shown: 1, items: [{ ...stream, state: 'recovering' }] } }],
    ['bridge-gaps', { streams: { known: 1, shown: 1, items: [{ ...stream, gaps: 2, missing: '12' }] } }],
    ['bridge-sink-down', { sinks: [{ ...sink, state: 'down', code: 'OOM', message: 'no', kind: 'transient' }] }],
    ['bridge-sink-connecting', { sinks: [{ ...sink, state: 'connecting' }] }],
    ['bridge-sink-lag', { sinks: [{ ...sink, lag_seconds: 60 }] }],
    ['bridge-other-name', { name: 'other' }],
  ])('%s', async (code, change) => {
    expect((await told(change)).codes).toContain(code);
    expect((await told({})).codes).not.toContain(code);
  });

  it('gives the trouble of a source that nobody comes to, with its age and address', async () => {
    const last_trouble = { at: now - 4, reason: 'bad_handshake', message: 'it wants CURVE', peer: '10.0.0.9' };
    const found = await told({ sources: [{ ...source, peers: 0, last_trouble }] });
    expect(found.findings.find(({ code }) => code === 'bridge-source-alone')?.message).toBe(
      'nobody is connected, the last frame 0.5 s ago; the last trouble, 4.0 s ago, with 10.0.0.9: it wants CURVE',
    );
  });

  it('suspects the filter of a source where no frame came', async () => {
    const found = await told({ sources: [{ ...source, last_frame_at: null, frames: 0, topics: ['kv@pod-9'] }] });
    expect(found.findings.find(({ code }) => code === 'bridge-source-quiet')?.remedy).toContain('topics ("kv@pod-9")');
    expect(found.verdict).toMatch(/connected, and no frame of a topic that begins with "kv@pod-9"\.$/);
    expect((await told({ sources: [{ ...source, topics: ['kv@'] }] })).codes).not.toContain('bridge-source-quiet');
  });

  it.each([
    ['no_replay', /set replay/],
    ['replay_truncated', /buffer_steps/],
    ['sink_overflow', /whenFull/],
    ['of_a_later_version', /StreamGap records/],
  ])('a gap for the reason %s has its remedy', async (reason, remedy) => {
    const found = await told({
      streams: { known: 1, shown: 1, items: [{ ...stream, gaps: 1, missing: '5' }] },
      recent_controls: [control('StreamStarted'), { ...control('StreamGap'), reason }],
    });
    const gaps = found.findings.find(({ code }) => code === 'bridge-gaps');
    expect(gaps?.message).toBe(`5 batches are lost, in 1 stream; the newest for the reason ${reason}`);
    expect(gaps?.remedy).toMatch(remedy);
  });

  it.each<readonly [string, unknown]>([
    ['another service', { hello: 'world' }],
    ['a list', []],
    ['a status without sinks', { ...healthy, sinks: undefined }],
    ['a status whose streams are a list', { ...healthy, streams: [] }],
    ['a status with a time that is a text', { ...healthy, sources: [{ ...source, last_frame_at: 'now' }] }],
  ])('%s on its port is no bridge', async (_, document) => {
    const env = { HTTP_PORT: await serving(document), ZMQ_PORT: String(await freePorts()) };
    const found = await diagnose(['--only', 'sources', '--wait', '100ms'], env);
    expect(found.codes[0]).toBe('http-foreign');
    expect(found.codes).toContain('port-free');
  });
});
