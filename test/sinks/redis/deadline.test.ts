import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { Deadline } from '../../../src/sinks/redis/deadline.ts';
import { waitFor } from '../../support/services/service.ts';

/** Of the library's command what the deadline touches. */
function commandOf(rejections: unknown[]): Command {
  return { reject: (error: unknown) => rejections.push(error) } as unknown as Command;
}

describe('a deadline', () => {
  it('rejects each command that is not answered, one after the other, in the words of the library', async () => {
    const deadline = new Deadline();
    for (const _ of [1, 2]) {
      const rejections: unknown[] = [];
      const command = commandOf(rejections);
      deadline.begin(command, 20);
      await waitFor(() => rejections.length > 0, { what: 'the end of the time', every: 5 });
      expect(rejections).toEqual([new Error('Command timed out')]);
      deadline.end(command);
    }
  });

  it('leaves alone what was answered', async () => {
    const deadline = new Deadline();
    const rejections: unknown[] = [];
    const command = commandOf(rejections);
    deadline.begin(command, 20);
    deadline.end(command);
    expect(deadline.isTaken).toBe(false);
    await sleep(60);
    expect(rejections).toEqual([]);
  });

  it('goes on watching one command while another beside it ends', async () => {
    const deadline = new Deadline();
    const rejections: unknown[] = [];
    deadline.begin(commandOf(rejections), 20);
    expect(deadline.isTaken).toBe(true);
    deadline.end(commandOf([]));
    await waitFor(() => rejections.length > 0, { what: 'the end of the time', every: 5 });
  });
});
