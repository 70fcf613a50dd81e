import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/ingress/replay-turns.ts';

const forever = new AbortController().signal;

describe('Turns', () => {
  it('lets the limit through at once and the next one when a turn is given back', async () => {
    const turns = new Turns(2);
    const order: number[] = [];
    const takers = [0, 1, 2, 3].map(async (index) => {
      expect(await turns.take(forever)).toBe(true);
      order.push(index);
    });
    await Promise.all(takers.slice(0, 2));
    expect(order).toEqual([0, 1]);
    turns.give();
    await takers[2];
    expect(order).toEqual([0, 1, 2]);
    turns.give();
    await takers[3];
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('does not hand a turn to somebody who left', async () => {
    const turns = new Turns(1);
    await turns.take(forever);
    const stop = new AbortController();
    const left = turns.take(stop.signal);
    const stayed = turns.take(forever);
    stop.abort();
    expect(await left).toBe(false);
    turns.give();
    expect(await stayed).toBe(true);
    turns.give();
    expect(await turns.take(forever)).toBe(true);
  });

  it('refuses a signal that is aborted already, and no turn is lost by it', async () => {
    const turns = new Turns(1);
    expect(await turns.take(AbortSignal.abort())).toBe(false);
    expect(await turns.take(forever)).toBe(true);
  });

  it('keeps a turn that is granted before the abort', async () => {
    const turns = new Turns(1);
    await turns.take(forever);
    const stop = new AbortController();
    const next = turns.take(stop.signal);
    turns.give();
    stop.abort();
    expect(await next).toBe(true);
    turns.give();
    expect(await turns.take(forever)).toBe(true);
  });
});
