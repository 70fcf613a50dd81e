// Everything that has to hold: format and lint, types, build, all tests. Ends with vitest's totals and its exit code.
import { spawnSync } from 'node:child_process';
import { fail, run, say, setUp } from './setup.mjs';

/** The integration tests need a Redis and a Kafka; test/support/services decides in the same way where they run. */
function sayWhatServes() {
  const forced = process.env.KV_TEST_SERVICES;
  const docker = forced === 'native' ? '' : output('docker', ['version', '--format', '{{.Server.Version}}']);
  const why = forced === undefined ? '' : ` (KV_TEST_SERVICES=${forced})`;
  if (docker !== '') say(`Redis and Kafka of the tests: Docker containers, engine ${docker}${why}`);
  else say(`Redis and Kafka of the tests: processes of this machine${why || ', no Docker daemon answers'}`);
  const missing = needs.filter(({ isThere }) => !isThere());
  for (const { what, remedy } of missing) say(`  not here: ${what}; ${remedy}`);
}

const asRoot = process.getuid?.() === 0 || spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
const installs = (packages) =>
  asRoot ? `the tests install it (apt-get install ${packages})` : `install it first: apt-get install ${packages}`;
/** Also beside Docker: TLS, passwords and clusters are tried with processes of this machine. */
const needs = [
  {
    what: 'redis-server with redis-cli',
    remedy: "the tests unpack Debian's package into ~/.cache/kv-event-bridge, without installing it",
    isThere: () => works('redis-server', ['--version']) && works('redis-cli', ['--version']),
  },
  { what: 'Java 17 or newer', remedy: installs('default-jre-headless'), isThere: () => javaVersion() >= 17 },
  { what: 'Maven, which fetches Kafka once', remedy: installs('maven'), isThere: () => works('mvn', ['-v']) },
  {
    what: 'Chromium, which shows the live page to its tests',
    remedy: `${installs('chromium')}, or set CHROMIUM to the path of one`,
    isThere: () => [process.env.CHROMIUM ?? 'chromium', 'google-chrome'].some((name) => works(name, ['--version'])),
  },
  {
    what: 'openssl',
    remedy: installs('openssl'),
    isThere: () => works('openssl', ['version']),
  },
];

function javaVersion() {
  const { stdout, stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  return Number(/version "(\d+)/.exec(`${stdout}${stderr}`)?.[1] ?? 0);
}

function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function output(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 });
  return status === 0 ? stdout.trim() : '';
}

await setUp();
sayWhatServes();
say('lint and types ...');
if (run('npm', ['run', '--silent', 'lint'], { stdout: 1 }) !== 0)
  fail('lint or types failed; see above. "npm run format" mends the format.');
say('tests ...');
process.exit(run('npm', ['test', '--silent', '--', ...process.argv.slice(2)], { stdout: 1 }));
