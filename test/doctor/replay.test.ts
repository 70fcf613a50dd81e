import { afterEach, describe, expect, it } from 'vitest';
import type { MessageLike } from 'zeromq';
import { Publisher, Reply, Router } from 'zeromq';
import { sequenceFrame } from '../../src/simulator/replay.ts';
import { freePorts } from '../support/ports.ts';
import { waitUntil } from '../support/wait.ts';
import { startEngine } from './engines.ts';
import type { Diagnosis } from './support.ts';
import { diagnose } from './support.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Frames = readonly MessageLike[];
const end: Frames = ['', Buffer.alloc(8, 0xff), ''];
const batch = (seq: number): Frames => ['', sequenceFrame(BigInt(seq)), 'a batch'];
const batches = (...seqs: readonly number[]) => seqs.map(batch);

/** A replay socket that sends this to whoever asks, whatever he asks for. */
async function replaying(answer: readonly Frames[]): Promise<number> {
  const [port, router] = [await freePorts(), new Router({ linger: 0 })];
  await router.bind(`tcp://127.0.0.1:${port}`);
  const serving = (async () => {
    for await (const [who = Buffer.alloc(0)] of router)
      for (const frames of answer) await router.send([who, ...frames]);
  })().catch(() => undefined);
  closers.push(async () => {
    router.close();
    await serving;
  });
  return port;
}

/** Beside an engine that publishes and works. */
async function look(replay: number): Promise<Diagnosis> {
  const { port, stop } = await startEngine();
  closers.push(stop);
  return diagnose([`127.0.0.1:${port}`, '--replay', `127.0.0.1:${replay}`, '--wait', '3s']);
}

describe('doctor asks a replay socket', () => {
  it('that hangs: it takes the request, and never answers', async () => {
    const found = await look(await replaying([]));
    expect(found.findings.at(-1)).toMatchObject({ code: 'replay-hangs', level: 'failure' });
    expect(found.verdict).toMatch(/^Does not work: replay tcp:\S+: no answer to a request for replay\.$/);
    expect(found.exitCode).toBe(1);
  });

  it('that has holes', async () => {
    const found = await look(await replaying([...batches(0, 1, 4, 5, 7), end]));
    expect(found.findings.at(-1)).toMatchObject({
      ...{ code: 'replay-holes', level: 'warning' },
      message: 'numbers 0 to 7 (5), of which 3 are missing in the middle',
      facts: { missing: '3', oldest_seq: '0', newest_seq: '7', batches: 5, end: 'end' },
    });
    expect(found.exitCode).toBe(0);
  });

  it('that sends no end marker', async () => {
    const found = await look(await replaying(batches(3, 4, 5)));
    const finding = found.findings.find(({ code }) => code === 'replay-no-end');
    expect(finding).toMatchObject({ level: 'warning', facts: { oldest_seq: '3', batches: 3, end: 'idle' } });
    expect(found.exitCode).toBe(0);
  });

  it('that has nothing', async () => {
    const found = await look(await replaying([end]));
    expect(found.findings.at(-1)).toMatchObject({ code: 'replay-empty', level: 'note' });
    expect(found).toMatchObject({ verdict: 'Works.', exitCode: 0 });
  });

  it('that speaks otherwise', async () => {
    const found = await look(await replaying([['', 'nobody', 'knows', 'this', 'form']]));
    expect(found.findings.at(-1)).toMatchObject({ code: 'replay-unreadable', level: 'failure' });
    expect(found.exitCode).toBe(1);
  });

  it('that lost its beginning', async () => {
    const found = await look(await replaying([...batches(40, 41), end]));
    expect(found.findings.find(({ code }) => code === 'replay-truncated')?.facts).toEqual({ oldest_seq: '40' });
  });

  it('that is not there', async () => {
    const found = await look(await freePorts());
    expect(found.findings.at(-1)).toMatchObject({ code: 'replay-unreachable', level: 'failure' });
    expect(found.verdict).toMatch(/^Does not work: replay tcp:\S+: connection refused, nobody listens there\.$/);
  });

  it('that answers one port further', async () => {
    const { port, stop } = await startEngine({ port: await freePorts(3) });
    closers.push(stop);
    const found = await diagnose([`127.0.0.1:${port}`, '--replay', `127.0.0.1:${port + 2}`, '--wait', '2s']);
    expect(found.codes.slice(-2)).toEqual(['replay-unreachable', 'router-nearby']);
    expect(found.findings.at(-1)).toMatchObject({ level: 'note', facts: { port: port + 1 } });
  });

  it('where a socket of another kind answers', async () => {
    const [port, reply] = [await freePorts(), new Reply()];
    await reply.bind(`tcp://127.0.0.1:${port}`);
    closers.push(() => reply.close());
    expect((await look(port)).findings.at(-1)).toMatchObject({ code: 'replay-is-other', facts: { socket: 'REP' } });
  });

  it('that was taken for the events, and the other way round: one cause', async () => {
    const { port, stop } = await startEngine();
    closers.push(stop);
    const found = await diagnose([`127.0.0.1:${port + 1}`, '--replay', `127.0.0.1:${port}`]);
    expect(found.codes).toEqual(['ports-swapped']);
    expect(found.findings[0]?.remedy).toBe('swap connect and replay');
    expect(found.verdict).toBe(`No events: tcp://127.0.0.1:${port + 1}: connect and replay are swapped.`);
  });
});

describe('doctor finds replay sockets beside a wrong port', () => {
  const closedBeside = async (events: number, replay: number, asked: number) => {
    const [publisher, router] = [new Publisher(), new Router()];
    closers.push(() => publisher.close());
    closers.push(() => router.close());
    // Somebody else's test may have them for a moment.
    await waitUntil(() => publisher.bind(`tcp://127.0.0.2:${events}`), 30_000);
    await waitUntil(() => router.bind(`tcp://127.0.0.2:${replay}`), 30_000);
    return diagnose([`127.0.0.2:${asked}`, '--wait', '200ms']);
  };

  // The usual ports, on an address that nothing else uses: 5556 (TensorRT-LLM), 5557 (vLLM), 5558 (its replay socket).
  it.each([
    [5_556, 5_557, 5_558],
    [5_557, 5_558, 5_556],
    [5_557, 5_558, 5_558],
  ])(
    'the engine publishes on %i and replays on %i, %i was given',
    async (events, replay, asked) => {
      const found = await closedBeside(events, replay, asked);
      expect(found.codes[0]).toBe(asked === replay ? 'replay-port' : 'port-closed');
      const nearby = found.findings.filter(({ code }) => code === 'publisher-nearby');
      expect(nearby.map(({ facts }) => facts)).toEqual([{ port: events }]);
      expect(found.exitCode).toBe(1);
    },
    90_000,
  );
});
