import { describe, expect, it } from 'vitest';
import type { Turn } from '../../src/cli/supervision.ts';
import { supervise } from '../../src/cli/supervision.ts';
import type { Fact } from '../../src/core/observer.ts';
import { FakeClock, settle } from '../pipeline/support.ts';

const leaseTtl = 10_000;

/** A turn that a test plays. */
class PlayedTurn implements Turn<string> {
  readonly calls: string[] = [];
  readonly number: number;
  takeOver: () => void = () => {};
  end: (how: 'stopped' | 'fenced') => void = () => {};
  fail: (reason?: unknown) => void = () => {};
  /** Set to keep `stop` under way. */
  stopping: Promise<void> = Promise.resolve();

  constructor(number: number) {
    this.number = number;
  }

  waitForTurn(signal: AbortSignal): Promise<boolean> {
    this.calls.push('wait');
    return new Promise((resolve, reject) => {
      this.takeOver = () => resolve(true);
      this.fail = reject;
      if (signal.aborted) resolve(false);
      signal.addEventListener('abort', () => resolve(false));
    });
  }

  run(): Promise<'stopped' | 'fenced'> {
    this.calls.push('run');
    return new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
  }

  async stop(): Promise<string> {
    this.calls.push('stop');
    await this.stopping;
    return `left of turn ${this.number}`;
  }
}

async function setUp(options: { standby?: boolean; onFenced?: 'exit' | 'standby' } = {}) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const turns: PlayedTurn[] = [];
  const told: string[] = [];
  const observe = (fact: Fact) => {
    told.push(fact.fact === 'role' ? `${fact.role} (${fact.reason})` : fact.fact);
  };
  const begin = () => {
    const turn = new PlayedTurn(turns.length + 1);
    turns.push(turn);
    return turn;
  };
  const { standby = false, onFenced = 'exit' } = options;
  const done = supervise({ begin, standby, onFenced, leaseTtl, stopRequested: stop.signal, observe, clock });
  await settle();
  const turn = (): PlayedTurn => {
    const last = turns.at(-1);
    if (last === undefined) throw new Error('no turn has begun');
    return last;
  };
  return { clock, stop, turns, turn, told, done };
}

describe('a bridge', () => {
  it('is active from its start and ends when told to', async () => {
    const { turn, told, done, stop } = await setUp();
    expect(turn().calls).toEqual(['run']);
    stop.abort();
    expect(await done).toEqual({ end: 'stopped', left: 'left of turn 1' });
    expect(turn().calls).toEqual(['run', 'stop']);
    expect(told).toEqual(['active (start)']);
  });

  it('ends when nobody reads any more', async () => {
    const { turn, done } = await setUp();
    turn().end('stopped');
    expect(await done).toEqual({ end: 'stopped', left: 'left of turn 1' });
  });

  it('ends with its failure, and releases all the same', async () => {
    const { turn, done } = await setUp();
    const failure = new Error('the port is taken');
    turn().fail(failure);
    expect(await done).toEqual({ end: 'failed', failure, left: 'left of turn 1' });
    expect(turn().calls).toEqual(['run', 'stop']);
  });

  it('has failed also where nothing says why', async () => {
    const { turn, done } = await setUp();
    turn().fail(undefined);
    expect(await done).toMatchObject({ end: 'failed', failure: expect.any(Error) });
  });

  it('says so when it is fenced, stops, and stays for leaseTtl before it ends', async () => {
    const { turn, told, done, clock } = await setUp();
    let isReleased = () => {};
    turn().stopping = new Promise((resolve) => {
      isReleased = resolve;
    });
    turn().end('fenced');
    await settle();
    expect(told).toEqual(['active (start)', 'fenced']);
    let isOver = false;
    void done.then(() => {
      isOver = true;
    });
    isReleased();
    await settle();
    await clock.pass(leaseTtl - 1);
    expect(isOver, 'whoever asks is still told why').toBe(false);
    await clock.pass(1);
    expect(await done).toEqual({ end: 'fenced', left: 'left of turn 1' });
  });

  it('does not stay, fenced, when it is told to end', async () => {
    const { turn, done, stop } = await setUp();
    turn().end('fenced');
    await settle();
    stop.abort();
    expect(await done).toEqual({ end: 'fenced', left: 'left of turn 1' });
  });

  it('is not troubled by what happens to a turn that was told to stop', async () => {
    const { turn, told, done, stop } = await setUp({ onFenced: 'standby' });
    turn().stopping = settle();
    stop.abort();
    await Promise.resolve();
    turn().fail(new Error('closed under it'));
    expect(await done).toEqual({ end: 'stopped', left: 'left of turn 1' });
    expect(told).toEqual(['active (start)']);
  });
});

describe('a standby', () => {
  it('runs only once its turn has come', async () => {
    const { turn, told, done, stop } = await setUp({ standby: true });
    expect(turn().calls).toEqual(['wait']);
    expect(told).toEqual(['standby (start)']);
    turn().takeOver();
    await settle();
    expect(turn().calls).toEqual(['wait', 'run']);
    expect(told).toEqual(['standby (start)', 'active (take-over)']);
    stop.abort();
    expect(await done).toEqual({ end: 'stopped', left: 'left of turn 1' });
  });

  it('ends while it waits when told to, without ever having run', async () => {
    const { turn, told, done, stop } = await setUp({ standby: true });
    stop.abort();
    expect(await done).toEqual({ end: 'stopped', left: 'left of turn 1' });
    expect(turn().calls).toEqual(['wait', 'stop']);
    expect(told).toEqual(['standby (start)']);
  });

  it('does not begin to run when it is told to end in the moment its turn comes', async () => {
    const { turn, done, stop } = await setUp({ standby: true });
    turn().takeOver();
    stop.abort();
    expect(await done).toMatchObject({ end: 'stopped' });
    expect(turn().calls).toEqual(['wait', 'stop']);
  });

  it('ends with its failure when it cannot wait', async () => {
    const { turn, done } = await setUp({ standby: true });
    turn().fail(new Error('no sink keeps a lease'));
    expect(await done).toMatchObject({ end: 'failed', left: 'left of turn 1' });
  });
});

describe('a bridge that becomes the standby of the one that fenced it', () => {
  it('does so in a new turn, after a pause in which the lease of the newer one appears', async () => {
    const { clock, turns, told } = await setUp({ onFenced: 'standby' });
    turns[0]?.end('fenced');
    await settle();
    expect(turns[0]?.calls).toEqual(['run', 'stop']);
    expect(told).toEqual(['active (start)', 'fenced', 'standby (fenced)']);
    await clock.pass(leaseTtl - 1);
    expect(turns).toHaveLength(1);
    await clock.pass(1);
    expect(turns[1]?.calls).toEqual(['wait']);
  });

  it('takes over and is fenced again, any number of times', async () => {
    const { clock, turn, turns, told } = await setUp({ standby: true, onFenced: 'standby' });
    for (let n = 0; n < 5; n += 1) {
      turn().takeOver();
      await settle();
      turn().end('fenced');
      await settle();
      await clock.pass(leaseTtl);
    }
    expect(turns.map(({ calls }) => calls.join())).toEqual([...Array(5).fill('wait,run,stop'), 'wait']);
    expect(told.filter((fact) => fact === 'fenced')).toHaveLength(5);
    expect(told.filter((fact) => fact === 'active (take-over)')).toHaveLength(5);
  });

  it('releases the turn that was fenced before the next one begins', async () => {
    const { clock, turns, turn } = await setUp({ onFenced: 'standby' });
    let isReleased = () => {};
    turn().stopping = new Promise((resolve) => {
      isReleased = resolve;
    });
    turn().end('fenced');
    await clock.pass(10 * leaseTtl);
    expect(turns).toHaveLength(1);
    isReleased();
    await settle();
    await clock.pass(leaseTtl);
    expect(turns).toHaveLength(2);
  });

  it.each(['while it stops', 'in the pause', 'while it waits'])('ends cleanly when told to %s', async (when) => {
    const { clock, stop, turn, done } = await setUp({ onFenced: 'standby' });
    let isReleased = () => {};
    turn().stopping = new Promise((resolve) => {
      isReleased = resolve;
    });
    turn().end('fenced');
    await settle();
    if (when === 'while it stops') stop.abort();
    isReleased();
    await settle();
    if (when === 'while it waits') await clock.pass(leaseTtl);
    stop.abort();
    expect(await done).toMatchObject({ end: 'stopped' });
    expect(turn().calls.at(-1)).toBe('stop');
    expect(turn().calls).not.toContain(turn().number === 1 ? 'wait' : 'run');
  });
});
