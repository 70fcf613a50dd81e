import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from './support.ts';

it.each([
  ['campaign', ['kill', '--bogus'], /Unknown option '--bogus'/],
  ['campaign', ['elephant'], /unknown campaign "elephant": one of kill, .*, all/],
  // A loop of no round, or of NaN rounds, would find nothing wrong.
  ['campaign', ['kill', '--rounds', 'many'], /--rounds "many" must be a whole number from 1/],
  ['campaign', ['kill', '--rounds', '0'], /--rounds "0" must be a whole number from 1/],
  ['tour', ['--bogus'], /Unknown option '--bogus'/],
  ['tour', ['--write', '--only', 'redis'], /--write needs all faults: leave out --only/],
  ['screenshots', ['--bogus'], /Unknown option '--bogus'/],
  ['demo', ['engines'], /Unexpected argument 'engines'/],
])('npm run %s -- %j is refused in one line', (script, args, message) => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, `scripts/${script}.mjs`), ...args], {
    encoding: 'utf8',
  });
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(stderr).toContain(`; see npm run ${script} -- --help`);
  expect(status).toBe(2);
});

// Two of them overwrite files of the project, one works for minutes.
it.each(['demo', 'kernel', 'monitoring', 'screenshots', 'tour', 'campaign'])(
  'npm run %s -- --help says what it does and does not begin',
  (script) => {
    const path = join(root, `scripts/${script}.mjs`);
    const { status, stdout, stderr } = spawnSync(process.execPath, [path, '--help'], { encoding: 'utf8' });
    expect(stdout).toMatch(new RegExp(`^npm run ${script}\\b.*\\n\\n`));
    expect(stderr).toBe('');
    expect(status).toBe(0);
  },
);
