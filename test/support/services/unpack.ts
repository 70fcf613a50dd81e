import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Wanted {
  readonly packages: readonly string[];
  /** Also what they depend on, but what this machine has. */
  readonly dependencies: boolean;
  /** What to do where that fails. */
  readonly remedy: string;
}

/** Where a program of this machine lies; null when it is not on PATH. */
export async function onPath(program: string): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const entries = await readdir(folder).catch((): string[] => []);
    if (entries.includes(program)) return join(folder, program);
  }
  return null;
}

/** Downloads Debian packages and unpacks them into `target`, which appears when it is complete. Nothing is installed. */
export async function unpack(target: string, wanted: Wanted): Promise<void> {
  const work = await mkdtemp(`${target}-`);
  try {
    await download(work, wanted);
    for (const file of await readdir(work)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', file, 'root'], { cwd: work });
    }
    await rename(join(work, 'root'), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function download(folder: string, wanted: Wanted): Promise<void> {
  try {
    await aptDownload(folder, wanted).catch(async () => {
      // A fresh machine knows no packages yet; only root may change that.
      await run('apt-get', ['-q', 'update']);
      await aptDownload(folder, wanted);
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${wanted.remedy}; downloading Debian's packages failed, perhaps "apt-get update" helps: ${reason}`,
    );
  }
}

async function aptDownload(folder: string, { packages, dependencies }: Wanted): Promise<void> {
  const names = dependencies ? await missingOf(packages) : packages;
  await run('apt-get', ['-q', 'download', ...names], { cwd: folder });
}

/** The packages and all they depend on, but what this machine has. */
async function missingOf(packages: readonly string[]): Promise<string[]> {
  const without = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
    (kind) => `--no-${kind}`,
  );
  const { stdout } = await run('apt-cache', ['depends', '--recurse', ...without, ...packages]);
  const names = stdout.split('\n').filter((line) => /^[a-z0-9]/.test(line));
  const missing = await Promise.all(names.map(async (name) => ((await isInstalled(name)) ? [] : [name])));
  return missing.flat();
}

async function isInstalled(name: string): Promise<boolean> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the braces are dpkg's own.
  const query = run('dpkg-query', ['--show', '--showformat=${db:Status-Status}', name]);
  return query.then(
    ({ stdout }) => stdout === 'installed',
    () => false,
  );
}
