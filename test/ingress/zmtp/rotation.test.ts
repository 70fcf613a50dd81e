import { describe, expect, it } from 'vitest';
import { Rotation } from '../../../src/ingress/zmtp/rotation.ts';

interface Fake {
  readonly name: string;
  hasMessages: boolean;
  hasEnded: boolean;
}

const fake = (name: string): Fake => ({ name, hasMessages: true, hasEnded: false });

/** Takes from the next one and names it. */
function turn(rotation: Rotation<Fake>, after: (one: Fake) => void = () => undefined): string | undefined {
  const one = rotation.next();
  if (one === null) return undefined;
  after(one);
  rotation.done(one);
  return one.name;
}

describe('the rotation', () => {
  it('gives each its turn, and none to one that has no more', () => {
    const rotation = new Rotation<Fake>();
    for (const name of ['a', 'b', 'c']) rotation.add(fake(name));
    const names = [turn(rotation), turn(rotation, (one) => (one.hasMessages = false)), turn(rotation)];
    expect(names).toEqual(['a', 'b', 'c']);
    expect([turn(rotation), turn(rotation), turn(rotation)]).toEqual(['a', 'c', 'a']);
  });

  it('finishes one that has ended before its successor begins', () => {
    const rotation = new Rotation<Fake>();
    rotation.add({ ...fake('old'), hasEnded: true });
    rotation.add(fake('new'));
    expect([turn(rotation), turn(rotation, (one) => (one.hasMessages = false)), turn(rotation)]).toEqual([
      'old',
      'old',
      'new',
    ]);
  });

  it('wakes who waits, for messages and for the end', async () => {
    const rotation = new Rotation<Fake>();
    const woken = rotation.wait();
    rotation.add(fake('a'));
    await woken;
    rotation.next();
    const ended = rotation.wait();
    rotation.end();
    await ended;
    await rotation.wait();
    expect(rotation.next()).toBeNull();
  });
});
