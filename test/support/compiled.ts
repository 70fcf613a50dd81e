import { execFile } from 'node:child_process';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');

const options = [
  ...['--ignoreConfig', '--noCheck', '--noEmit', 'false', '--rootDir', 'src', '--target', 'es2023'],
  ...['--module', 'nodenext', '--moduleResolution', 'nodenext', '--types', 'node', '--skipLibCheck'],
  ...['--rewriteRelativeImportExtensions', '--allowImportingTsExtensions'],
];

/**
 * Compiles files under `src` (which need no package) and all they import to a fresh folder that anybody may read, for
 * tests that kill, limit or starve a real process. The caller removes the folder.
 */
export async function compileSources(files: readonly string[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'kv-compiled-'));
  await chmod(dir, 0o755);
  const tsc = join(root, 'node_modules/.bin/tsc');
  await promisify(execFile)(tsc, [...options, '--outDir', dir, ...files], { cwd: root });
  await writeFile(join(dir, 'package.json'), '{"type":"module"}');
  return dir;
}
