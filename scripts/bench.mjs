// Builds the program and the bench (bench/, compiled to dist-bench/ because Node.js 20 runs no TypeScript), then runs it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fail, root, run, setUp } from './setup.mjs';

await setUp();
if (process.platform !== 'linux') fail('the bench reads /proc and needs Linux.');
if (run('npx', ['tsc', '-p', 'tsconfig.bench.json']) !== 0) fail('the bench could not be compiled; see above.');
const { status } = spawnSync(
  process.execPath,
  [join(root, 'dist-bench', 'bench', 'main.js'), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
  },
);
// docs/operations.md sizes by what was measured.
if (status === 0) run('node', [join(root, 'scripts', 'sizing.mjs')]);
process.exit(status ?? 1);
