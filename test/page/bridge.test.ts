import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Bridge, Program } from '../e2e/bridge.ts';
import { linesOf } from '../e2e/records.ts';
import { freePorts } from '../support/ports.ts';
import { waitUntil } from '../support/wait.ts';
import { columnOf, isLive, launchBrowser, openPage } from './browser.ts';

vi.setConfig({ testTimeout: 90_000 });
const patience = 30_000;
const folder = mkdtempSync(join(tmpdir(), 'kv-page-'));
const running: Program[] = [];
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
}, 300_000);
afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.stop('SIGKILL')));
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function startBridge(env: Readonly<Record<string, string>>): Promise<Bridge> {
  const dir = join(folder, String(env['ZMQ_PORT']));
  const bridge = await Bridge.start({ SINKS: 'file', FILE_DIR: dir, ...env });
  running.push(bridge);
  await bridge.ready();
  return bridge;
}

function startEngine(port: number, ...args: string[]): Program {
  const engine = new Program('simulate', { args: ['--connect', `tcp://127.0.0.1:${port}`, '--hold', '0', ...args] });
  running.push(engine);
  return engine;
}

const eventsOf = async (page: Page) => Number((await columnOf(page, 'Events'))[0]?.replaceAll(',', '') ?? 0);

describe('the page of a running bridge', () => {
  it('shows its streams, and how they go on', async () => {
    const port = await freePorts();
    const bridge = await startBridge({ ZMQ_PORT: String(port), BRIDGE_NAME: 'fleet-a' });
    const opened = await openPage(browser, `${bridge.http}/`);
    const { page, requests, problems } = opened;
    await isLive(opened);
    await page.getByRole('region', { name: 'No engine has connected yet' }).getByText(String(port)).first().waitFor();
    startEngine(port, '--pod', 'pod-a', '--scenario', 'decode', '--rate', '40', '--count', '0');
    const id = 'zmq/kv@pod-a@Qwen/Qwen3-0.6B/0';
    await waitUntil(async () => expect(await columnOf(page, 'Stream')).toEqual([id]), patience);
    await page.locator('#empty').waitFor({ state: 'hidden' });
    const before = await eventsOf(page);
    await waitUntil(async () => expect(await eventsOf(page)).toBeGreaterThan(before + 20), patience);
    await waitUntil(async () => expect((await columnOf(page, 'file behind'))[0]).toMatch(/^\d+$/), patience);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('fleet-a');
    expect(await page.locator('#readiness').textContent()).toBe('ready');
    await page.locator('#controls').getByText('StreamStarted').waitFor();
    await page.locator('#records').getByText('BlockStored').first().waitFor();
    const rate = page.locator('#throughput-legend b').first();
    await waitUntil(async () => expect(Number(await rate.textContent())).toBeGreaterThan(0), patience);
    expect(requests.filter((url) => !url.startsWith(`${bridge.http}/`))).toEqual([]);
    expect(problems).toEqual([]);
  });

  it('shows a gap: the stream is degraded, its numbers are missing, the record is there', async () => {
    const port = await freePorts();
    const bridge = await startBridge({ ZMQ_PORT: String(port) });
    const opened = await openPage(browser, `${bridge.http}/`);
    await isLive(opened);
    const { page } = opened;
    startEngine(port, '--pod', 'pod-a', '--scenario', 'decode', '--count', '10', '--rate', '0');
    startEngine(port, '--pod', 'pod-b', '--scenario', 'gap', '--count', '60', '--rate', '0');
    await page.locator('#controls').getByText('StreamGap').first().waitFor({ timeout: patience });
    await page.getByRole('searchbox', { name: 'Filter streams' }).fill('degraded');
    await waitUntil(async () => expect(await columnOf(page, 'Complete')).toEqual(['degraded']), patience);
    expect((await columnOf(page, 'Stream'))[0]).toContain('pod-b');
    expect(Number((await columnOf(page, 'Gaps'))[0])).toBeGreaterThan(0);
    expect(Number((await columnOf(page, 'Missing'))[0])).toBeGreaterThan(0);
    await waitUntil(async () => expect(await page.locator('#completeness').textContent()).toBe('degraded'), patience);
  });

  it('says when the bridge is gone, and goes on by itself when it is back', async () => {
    const [port, http] = [await freePorts(), await freePorts()];
    const env = { ZMQ_PORT: String(port), HTTP_PORT: String(http) };
    const first = await startBridge(env);
    const opened = await openPage(browser, `${first.http}/`);
    const { page } = opened;
    await isLive(opened);
    startEngine(port, '--pod', 'pod-a', '--scenario', 'decode', '--rate', '20', '--count', '0');
    await waitUntil(async () => expect(await columnOf(page, 'Stream')).toHaveLength(1), patience);
    await first.stop('SIGKILL');
    await page.getByText('connection lost, trying again').waitFor({ timeout: patience });
    // What was known stays to be read.
    expect(await columnOf(page, 'Stream')).toHaveLength(1);
    await startBridge(env);
    await isLive(opened);
    startEngine(port, '--pod', 'pod-b', '--scenario', 'decode', '--rate', '20', '--count', '0');
    await waitUntil(async () => expect((await columnOf(page, 'Stream')).join()).toContain('pod-b'), patience);
  });
});

describe('GET /records of a running bridge', () => {
  it('shows exactly the records that the sinks get', async () => {
    const port = await freePorts();
    const bridge = await startBridge({ ZMQ_PORT: String(port), SINKS: 'stdout', HTTP_TOKENS: 'true' });
    const stop = new AbortController();
    const answer = await fetch(`${bridge.http}/records?tokens=1`, { signal: stop.signal });
    let text = '';
    const reading = (async () => {
      const decoder = new TextDecoder();
      for await (const part of answer.body ?? []) text += decoder.decode(part, { stream: true });
    })().catch(() => undefined);
    startEngine(port, '--scenario', 'gap', '--count', '200', '--rate', '0');
    startEngine(port, '--scenario', 'mixed', '--pod', 'pod-b', '--encoding', 'array', '--count', '100', '--rate', '0');
    await waitUntil(() => {
      expect(linesOf(bridge.stdout).length).toBeGreaterThan(250);
      expect(linesOf(text)).toEqual(linesOf(bridge.stdout));
    }, patience);
    stop.abort();
    await reading;
  });
});
