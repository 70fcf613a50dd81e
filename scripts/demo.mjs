// Shows the bridge at work, without anything but Node: a simulated engine publishes over ZeroMQ, the bridge prints each
// event as a line of JSON on stdout and appends it to files under data/demo. Everything else goes to stderr.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { readOptions } from './options.mjs';
import { fail, root, say, setUp } from './setup.mjs';

readOptions(
  'demo',
  `npm run demo

Shows the bridge at work, without anything but Node: a simulated engine publishes over ZeroMQ, the bridge prints each event
as a line of JSON on stdout and appends it to files under data/demo. Everything else goes to stderr.`,
);

const topic = 'kv@10.0.0.5@Qwen/Qwen3-0.6B';
/** Numbers that the engine uses up; the scenario skips one of them, as an engine does whose event could not be encoded. */
const count = 30;
const perSecond = 15;
const patience = 30_000;

const folder = join(root, 'data', 'demo');
const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

await setUp();
await demo();

async function demo() {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), 'kv-event-bridge-demo-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const [zmqPort, httpPort] = await freePorts(2);
  const truthFile = join(scratch, 'truth.ndjson');

  const seen = [];
  const bridge = await startBridge(zmqPort, httpPort, seen);
  await simulate(zmqPort, truthFile);
  const published = linesOf(truthFile).filter((line) => line.unpublished !== true);
  const events = published.flatMap((line) => line.events).length;
  await until('all events are delivered', () => bridge.ended || eventsIn(seen).length >= events);
  const code = await stop(bridge);
  const records = readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson') && name.startsWith('records-'))
    .sort()
    .flatMap((name) => linesOf(join(folder, name)));
  summary({ published, events, seen, records });
  if (code !== 0) fail(`the bridge ended with exit code ${code}`);
  if (eventsIn(seen).length !== events || eventsIn(records).length !== events) fail('not every event was delivered');
}

async function startBridge(zmqPort, httpPort, seen) {
  const bridge = start(['run'], {
    SINKS: 'stdout,file',
    FILE_DIR: folder,
    ZMQ_PORT: String(zmqPort),
    HTTP_PORT: String(httpPort),
    HTTP_HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
  });
  createInterface({ input: bridge.process.stdout }).on('line', (line) => {
    process.stdout.write(`${line}\n`);
    seen.push(JSON.parse(line));
  });
  await until('the bridge is ready', async () => {
    if (bridge.ended) fail('the bridge ended at once; see its messages above');
    return (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).ok;
  });
  return bridge;
}

async function simulate(zmqPort, truthFile) {
  const flags = { connect: `tcp://127.0.0.1:${zmqPort}`, topic, scenario: 'gap', rate: perSecond, count, seed: 1 };
  const args = Object.entries({ ...flags, truth: truthFile }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const code = await start(['simulate', ...args], {}, 'ignore').exit;
  if (code !== 0) fail(`the simulated engine ended with exit code ${code}; see its messages above`);
}

/** A child of the built program, without the settings that this shell may have for another bridge. */
function start(args, env, stdout = 'pipe') {
  const bare = { PATH: process.env.PATH, HOME: process.env.HOME };
  const child = spawn(process.execPath, [join(root, 'dist', 'main.js'), ...args], {
    cwd: root,
    env: { ...bare, ...env },
    stdio: ['ignore', stdout, 'inherit'],
  });
  children.add(child);
  const started = { process: child, ended: false, exit: undefined };
  // `close` comes after the last line of stdout, `exit` may come before it.
  started.exit = once(child, 'close').then(([code, signal]) => {
    children.delete(child);
    started.ended = true;
    return code ?? signal;
  });
  return started;
}

async function stop(started) {
  started.process.kill('SIGTERM');
  return started.exit;
}

function summary({ published, events, seen, records }) {
  const gaps = seen.filter((record) => record.type === 'StreamGap');
  const missing = gaps.reduce((sum, gap) => sum + Number(gap.missing), 0);
  say('');
  say(
    `published  ${published.length} batches with ${events} events; ${count - published.length} number skipped on purpose`,
  );
  say(`stdout     ${eventsIn(seen).length} event records, ${missing} missing number reported as StreamGap`);
  say(
    `file       ${eventsIn(records).length} event records in ${relative(root, folder)}/${readdirSync(folder).find((name) => name.startsWith('records-'))}`,
  );
}

function eventsIn(records) {
  return records.filter((record) => record.event !== undefined);
}

function linesOf(file) {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

async function until(what, condition) {
  const deadline = Date.now() + patience;
  for (;;) {
    if (
      await Promise.resolve()
        .then(condition)
        .catch(() => false)
    )
      return;
    if (Date.now() > deadline) fail(`waited ${patience / 1_000} s in vain until ${what}`);
    await sleep(50);
  }
}

/** All are held open until all are known, or the system could give the same one twice. */
async function freePorts(number) {
  const servers = Array.from({ length: number }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
