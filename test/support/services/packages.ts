import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Needed {
  /** Debian packages that bring it. */
  readonly packages: readonly string[];
  /** What is needed, for people. */
  readonly what: string;
}

/** Installs Debian packages where that is possible without asking; says what to do where it is not. */
export async function need({ packages, what }: Needed, works: () => Promise<boolean>): Promise<void> {
  const ok = () => works().catch(() => false);
  if (await ok()) return;
  const command = `apt-get install ${packages.join(' ')}`;
  const remedy = `tests need ${what}: run "${command}" as root`;
  const root = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const apt = (...args: string[]) => {
    const [file = 'apt-get', ...rest] = [...root, 'apt-get', '-q', '-o', 'DPkg::Lock::Timeout=600', ...args];
    return run(file, rest, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 16_777_216 });
  };
  try {
    await apt('update');
    await apt('install', '-y', '--no-install-recommends', ...packages);
  } catch (cause) {
    throw new Error(remedy, { cause });
  }
  if (!(await ok())) throw new Error(`${remedy}; what ${packages.join(' ')} installed does not do`);
}
