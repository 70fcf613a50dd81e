// Writes the pictures of docs/page.md: a real bridge with simulated engines, one of which loses events, and a sink that is
// away. Needs Chromium (CHROMIUM, or on PATH) and looks best where the font Inter is installed.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { readOptions } from './options.mjs';
import { fail, root, say, setUp } from './setup.mjs';

readOptions(
  'screenshots',
  `npm run screenshots

Writes the pictures of docs/page.md to docs/images, in about two minutes: a real bridge with simulated engines, one of
which loses events, and a sink that is away. Needs Chromium (CHROMIUM, or on PATH).`,
);

/** Long enough that the charts have something to show, ms. */
const watching = 75_000;
const models = ['Qwen/Qwen3-0.6B', 'meta-llama/Llama-3.1-8B-Instruct', 'deepseek-ai/DeepSeek-V3'];
const engines = 24;
const args = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

const children = [];
const scratch = mkdtempSync(join(tmpdir(), 'kv-screenshots-'));
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});

await setUp();
const executablePath = process.env.CHROMIUM ?? onPath(['chromium', 'chromium-browser', 'google-chrome']);
if (executablePath === undefined) fail('Chromium is needed: apt-get install chromium, or CHROMIUM=/path/to/it');
const images = join(root, 'docs', 'images');
mkdirSync(images, { recursive: true });
const [zmq, http, nobody] = await freePorts(3);
start(['run'], {
  BRIDGE_NAME: 'fleet-a',
  ZMQ_PORT: String(zmq),
  HTTP_PORT: String(http),
  HTTP_HOST: '127.0.0.1',
  SINKS: 'file,redis',
  FILE_DIR: scratch,
  REDIS_URL: `redis://127.0.0.1:${nobody}`,
  CHECKPOINT_WAIT: '0',
  REDIS_LANE_BYTES: '64MiB',
  LOG_LEVEL: 'silent',
});
const url = `http://127.0.0.1:${http}/`;
await until('the bridge answers', async () => (await fetch(`${url}livez`)).ok);

const browser = await chromium.launch({ executablePath, args });
const viewport = { width: 1_240, height: 1_760 };
const empty = await openPage({ viewport: { width: 1_240, height: 560 } });
await empty.locator('#hints li').first().waitFor();
await save(empty, 'page-empty');
const light = await openPage({ viewport, colorScheme: 'light' });
const dark = await openPage({ viewport, colorScheme: 'dark' });
for (let engine = 0; engine < engines; engine += 1) simulate(engine);
say(`watching for ${watching / 1_000} s ...`);
await sleep(watching);
await save(light, 'page-light');
await save(dark, 'page-dark');
await browser.close();
process.exit(0);

function simulate(engine) {
  const losing = engine === 5;
  start([
    ...['simulate', '--connect', `tcp://127.0.0.1:${zmq}`, '--hold', '0', '--seed', String(engine)],
    ...['--pod', `10.0.0.${10 + engine}`, '--model', models[engine % models.length]],
    ...['--scenario', losing ? 'gap' : 'decode', '--rate', String(5 + (engine % 6) * 5), '--count', '0'],
  ]);
}

async function openPage(options) {
  const page = await (await browser.newContext({ locale: 'en', ...options })).newPage();
  await page.goto(url);
  await page.locator('#connection.good').waitFor();
  return page;
}

async function save(page, name) {
  const path = join(images, `${name}.png`);
  await page.screenshot({ path });
  say(`written: docs/images/${name}.png`);
}

function start(words, env = {}) {
  const bare = { PATH: process.env.PATH, HOME: process.env.HOME };
  const child = spawn(process.execPath, [join(root, 'dist', 'main.js'), ...words], {
    env: { ...bare, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  children.push(child);
}

function onPath(names) {
  return spawnSync('which', names, { encoding: 'utf8' })
    .stdout.split('\n')
    .find((path) => path !== '');
}

async function until(what, condition) {
  for (let tries = 200; tries > 0; tries -= 1) {
    const isTrue = await Promise.resolve()
      .then(condition)
      .catch(() => false);
    if (isTrue) return;
    await sleep(100);
  }
  fail(`waited in vain until ${what}`);
}

/** All are held open until all are known, or the system could give the same one twice. */
async function freePorts(number) {
  const servers = Array.from({ length: number }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
