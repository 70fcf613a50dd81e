import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { FolderLock } from '../../src/sinks/file/lock.ts';

// The one moment that chance does not show: between the look at a dead lock and its removal. The verdict about the holder
// falls in between, so it is held up there.
const verdict = vi.hoisted(() => ({ wait: async () => {} }));

vi.mock('../../src/sinks/file/holder.ts', async (original) => ({
  ...(await original<typeof import('../../src/sinks/file/holder.ts')>()),
  stateOf: async () => {
    await verdict.wait();
    return 'dead';
  },
}));

it('never removes the lock of a faster rival that took over the same dead one', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'kv-file-'));
  const dead = { token: crypto.randomUUID(), host: 'here', pid: 1, started: '1', space: 'gone' };
  await writeFile(join(dir, '.lock'), JSON.stringify(dead));
  const [slow, fast] = [new FolderLock(dir), new FolderLock(dir)];
  let resume = () => {};
  const reached = new Promise<void>((arrived) => {
    verdict.wait = () => {
      arrived();
      return new Promise((resolve) => {
        resume = resolve;
      });
    };
  });
  const losing = slow.acquire();
  await reached;
  verdict.wait = async () => {};
  await fast.acquire();
  // From here on the holder is the rival, and alive.
  verdict.wait = () => Promise.reject(new Error('asked again'));
  resume();
  await expect(losing).rejects.toThrow('asked again');
  expect(await readdir(dir)).toEqual(['.lock']);
  expect(await fast.isHeld()).toBe(true);
  await fast.release();
  expect(await readdir(dir)).toEqual([]);
  await rm(dir, { recursive: true });
});
