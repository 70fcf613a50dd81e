import { spawnSync } from 'node:child_process';

/** End-to-end tests run the built program: it must be built from this very source. */
export function setup(): void {
  const script = new URL('../../scripts/setup.mjs', import.meta.url).pathname;
  const { status } = spawnSync(process.execPath, [script], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error('the program could not be built, see above');
}
