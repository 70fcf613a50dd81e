// Brings a checkout into a state in which the program runs: dependencies as locked, dist/ built from this very source.
// Does only what is missing. Plain Node: it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = '20.19.0';
const dist = join(root, 'dist');
/** In dist/: which sources it was made from. */
const stamp = '.built-from';
const installTries = 3;

/** Everything `npm run demo` and `npm run test:all` need. Ends the process with a clear message where it cannot go on. */
export async function setUp() {
  checkNode();
  checkNpm();
  await install();
  build();
}

export function say(text) {
  process.stderr.write(`${text}\n`);
}

export function fail(text) {
  say(`error: ${text}`);
  process.exit(1);
}

/** Runs a command; returns its exit code. Its output becomes this process's, both on stderr unless told otherwise. */
export function run(command, args, { stdout = 2, env = {} } = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['inherit', stdout, 2],
    env: { ...process.env, ...env },
    shell: process.platform === 'win32',
  });
  if (error !== undefined) fail(`${command} cannot be started: ${error.message}`);
  return status ?? 1;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [needMajor, needMinor] = oldestNode.split('.').map(Number);
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  fail(`Node ${oldestNode} or newer is needed, this is ${process.versions.node}. Install one from https://nodejs.org.`);
}

function checkNpm() {
  const { status } = spawnSync('npm', ['--version'], { stdio: 'ignore', shell: process.platform === 'win32' });
  if (status !== 0) fail('npm is needed and not on PATH. It comes with Node from https://nodejs.org.');
}

/** `npm ci`, unless what is installed is already what package-lock.json says. */
async function install() {
  for (let attempt = 1; !isInstalled(); attempt += 1) {
    say(
      attempt === 1 ? 'installing dependencies ...' : `installing dependencies, try ${attempt} of ${installTries} ...`,
    );
    if (
      run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
        env: { npm_config_update_notifier: 'false' },
      }) === 0
    )
      return;
    if (attempt === installTries) fail('npm ci failed; see its messages above. Is the package registry reachable?');
    await sleep(attempt * 3_000);
  }
}

function isInstalled() {
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  const locked = packagesOf(join(root, 'package-lock.json')) ?? fail('package-lock.json is missing or not readable.');
  return Object.entries(locked).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    // Builds for other platforms are optional and not installed.
    if (found === undefined) return wanted.optional === true || wanted.devOptional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** Compiles, unless dist/ was made from exactly these sources. File times say nothing after a checkout, so contents count. */
function build() {
  const source = fingerprint();
  if (existsSync(join(dist, 'main.js')) && readOr(join(dist, stamp), '') === source) return;
  say('building dist/ ...');
  // Aside first: a program that runs from dist/ now may still load modules from it, and two set-ups may run at once.
  const aside = join(root, 'node_modules', '.cache', `kv-event-bridge-${process.pid}`);
  const isBuilt = run('npm', ['run', '--silent', 'build', '--', '--outDir', join(aside, 'new')]) === 0;
  if (isBuilt) {
    writeFileSync(join(aside, 'new', stamp), source);
    for (let tries = 100; !swap(aside) && tries > 0; tries -= 1);
  }
  rmSync(aside, { recursive: true, force: true });
  if (!isBuilt) fail('the build failed; see the compiler messages above.');
}

/** Puts the new folder in the place of the old one. False when another set-up put its own there in between. */
function swap(aside) {
  const old = join(aside, 'old');
  rmSync(old, { recursive: true, force: true });
  if (existsSync(dist)) renameUnless('ENOENT', dist, old);
  return renameUnless('ENOTEMPTY', join(aside, 'new'), dist);
}

function renameUnless(code, from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (error.code !== code) throw error;
    return false;
  }
}

function fingerprint() {
  const hash = createHash('sha256');
  const files = [...filesIn('src'), 'package-lock.json', 'package.json', 'tsconfig.build.json', 'tsconfig.json'];
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

function filesIn(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesIn(path) : [path];
    });
}

function readOr(file, otherwise) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}

if (fileURLToPath(import.meta.url) === realpathSync(process.argv[1])) {
  await setUp();
  say('ready: node dist/main.js --help');
}
