import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Status } from '../../src/core/status.ts';
import { serve } from '../http/served.ts';
import { batchOf, eventDocument, testStream } from '../support/batches.ts';
import { waitUntil } from '../support/wait.ts';
import { columnOf, isLive, launchBrowser, openPage, rowsOf } from './browser.ts';
import { sinkStatus, sourceStatus, streamStatus } from './played-status.ts';
import { startPrefixProxy } from './prefix-proxy.ts';

// A browser on a busy machine of two cores takes its time.
vi.setConfig({ testTimeout: 60_000 });

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
}, 300_000);
afterAll(() => browser?.close());

async function open(over: Partial<Omit<Status, 'streams'>> = {}, streams = [streamStatus('zmq/a/0')]) {
  const served = await serve();
  Object.assign(served.status, { over, streams });
  const opened = await openPage(browser, `${served.server.address}/`);
  await isLive(opened);
  return { ...served, ...opened };
}

describe('the page', () => {
  it('says at a glance what the bridge says about itself', async () => {
    const { page, problems } = await open({
      ready: false,
      reasons: ['sink kafka: topic "kv-events" does not exist: create it'],
      completeness: 'degraded',
      weakened: [{ setting: 'kafka.delivery', value: 'at-least-once', why: 'A record may come twice.' }],
    });
    await waitUntil(async () => expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('fleet-a'));
    expect(await page.locator('#readiness').textContent()).toBe('not ready');
    expect(await page.locator('#completeness').textContent()).toBe('degraded');
    expect(await page.locator('#version').textContent()).toBe('kv-event-bridge 0.1.0');
    expect(await page.getByRole('list', { name: 'Readiness' }).textContent()).toContain(
      '"kv-events" does not exist: create it',
    );
    expect(await page.locator('#weakened').textContent()).toContain('A record may come twice.');
    expect(await page.title()).toBe('⚠ fleet-a');
    expect(problems).toEqual([]);
  });

  it('shows a sink that is down in its own words, with its code, and how full its lane is', async () => {
    const lane = { bytes: 60, limit_bytes: 64, records: 9, batches: 3 };
    const down = { state: 'down', code: 'WRONGPASS', message: 'wrong password: correct redis.password' } as const;
    const { page } = await open({
      sinks: [sinkStatus('file'), sinkStatus('redis', { ...down, lane, lag_seconds: 75 })],
    });
    const sink = page.getByRole('article', { name: 'Sink redis' });
    await waitUntil(async () =>
      expect(await sink.textContent()).toContain('WRONGPASS: wrong password: correct redis.password'),
    );
    expect(await sink.locator('.pill').textContent()).toBe('down');
    const meter = sink.getByRole('meter');
    expect([await meter.getAttribute('aria-valuenow'), await meter.getAttribute('aria-valuemax')]).toEqual([
      '60',
      '64',
    ]);
    expect(await page.locator('#figures').textContent()).toContain('75 sredis');
  });

  it('tells what to check while no engine has connected, and is silent about it afterwards', async () => {
    const { page, status } = await open({ sources: [sourceStatus({ endpoint: 'tcp://*:6000' })] }, []);
    const empty = page.getByRole('region', { name: 'No engine has connected yet' });
    await waitUntil(async () => expect(await empty.textContent()).toContain('tcp://*:6000'));
    expect(await empty.textContent()).toContain('kv-event-bridge doctor');
    status.over = { sources: [sourceStatus({ peers: 2 })] };
    await page
      .getByRole('region', { name: /none has sent anything yet/ })
      .getByText('--enable-prefix-caching')
      .waitFor();
    expect(await page.locator('#empty').textContent()).not.toContain('topics');
    status.over = { sources: [sourceStatus({ peers: 2, topics: ['kv@pod-9', 'kv@pod-8'] })] };
    await page
      .getByRole('region', { name: /none has sent anything yet/ })
      .getByText('"kv@pod-9", "kv@pod-8"')
      .waitFor();
    status.streams = [streamStatus('zmq/a/0')];
    await page.locator('#empty').waitFor({ state: 'hidden' });
  });

  it('says that a standby waits', async () => {
    const { page } = await open({ role: 'standby' }, []);
    await page.getByRole('region', { name: 'Standing by' }).waitFor();
    expect(await page.locator('#role').textContent()).toContain('standby');
  });

  it('says that another bridge has taken over, and what to do', async () => {
    const { page } = await open({ role: 'fenced', ready: false, reasons: ['FENCED: another bridge'] }, []);
    await page
      .getByRole('region', { name: 'Another bridge of this name has taken over' })
      .getByText('BRIDGE_NAME')
      .waitFor();
    expect(await page.locator('#role').textContent()).toContain('fenced');
    expect(await page.locator('#reasons').textContent()).toBe('FENCED: another bridge');
  });

  it('does not move when something goes wrong', async () => {
    const { page, status } = await open();
    const place = () => page.locator('#streams-title').boundingBox();
    await waitUntil(async () => expect((await rowsOf(page)).length).toBe(1));
    const before = await place();
    status.over = {
      ready: false,
      reasons: ['sink file: disk is full', 'sources: 0 of 1 open', 'draining: the bridge is about to end'],
      completeness: 'degraded',
      sinks: [
        sinkStatus('file', {
          state: 'down',
          code: 'ENOSPC',
          message: `disk is full: make room. ${'It says more. '.repeat(9)}`,
        }),
      ],
    };
    await page.getByText('ENOSPC').waitFor();
    expect(await place()).toEqual(before);
  });
});

describe('the table of streams', () => {
  const thousand = Array.from({ length: 1_000 }, (_, at) =>
    streamStatus(`zmq/kv@pod-${at}@model-${at % 3}/0`, {
      events: (at * 7) % 1_000,
      completeness: at === 500 ? 'degraded' : 'exact',
      gaps: at === 500 ? 1 : 0,
      missing: at === 500 ? '18446744073709551615' : '0',
      seq: '50',
      sinks: { file: { epoch: 1_763_800_000_000, seq: String(50 - (at % 10)) } },
    }),
  );

  it('keeps few rows for a thousand streams, and shows every one on the way down', async () => {
    const { page, problems } = await open({}, thousand);
    await waitUntil(async () => expect(await page.locator('#streams-count').textContent()).toBe('1,000'));
    const seen = new Set<string>();
    for (let top = 0; top <= 34_000; top += 400) {
      await page.evaluate(`document.getElementById('streams-scroll').scrollTop = ${top}`);
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      const rows = await rowsOf(page);
      expect(rows.length).toBeLessThan(50);
      for (const [id = ''] of rows) seen.add(id);
    }
    expect(seen.size).toBe(1_000);
    expect(await page.locator('#streams').getAttribute('aria-rowcount')).toBe('1001');
    expect(problems).toEqual([]);
  });

  it('is sorted by any column, by mouse and keyboard, up and down', async () => {
    const { page } = await open({}, thousand);
    await waitUntil(async () => expect((await columnOf(page, 'Stream'))[2]).toBe('zmq/kv@pod-2@model-2/0'));
    await page.getByRole('button', { name: 'Missing', exact: true }).click();
    expect((await columnOf(page, 'Missing'))[0]).toBe('18,446,744,073,709,551,615');
    expect((await columnOf(page, 'Complete'))[0]).toBe('degraded');
    const streams = page.getByRole('table', { name: 'Streams' });
    const events = streams.getByRole('button', { name: 'Events', exact: true });
    await events.press('Enter');
    expect((await columnOf(page, 'Events')).slice(0, 3)).toEqual(['999', '998', '997']);
    await events.press('Enter');
    expect((await columnOf(page, 'Events')).slice(0, 3)).toEqual(['0', '1', '2']);
    expect(await streams.getByRole('columnheader', { name: 'Events' }).getAttribute('aria-sort')).toBe('ascending');
    expect(await streams.getByRole('columnheader', { name: 'Missing' }).getAttribute('aria-sort')).toBe('none');
    await page.getByRole('button', { name: 'file behind' }).click();
    expect((await columnOf(page, 'file behind'))[0]).toBe('9');
  });

  it('is filtered by words in any order', async () => {
    const { page } = await open({}, thousand);
    const filter = page.getByRole('searchbox', { name: 'Filter streams' });
    await waitUntil(async () => expect((await rowsOf(page)).length).toBeGreaterThan(10));
    await filter.fill('MODEL-1 pod-99');
    await waitUntil(async () =>
      expect((await columnOf(page, 'Stream')).every((id) => /pod-99.*model-1/.test(id))).toBe(true),
    );
    expect(await page.locator('#streams-count').textContent()).toBe('3 of 1,000');
    await filter.fill('degraded');
    await waitUntil(async () => expect(await columnOf(page, 'Stream')).toEqual(['zmq/kv@pod-500@model-2/0']));
    await filter.fill('nothing like this');
    await page.getByText('No stream matches the filter.').waitFor();
    await filter.fill('');
    await waitUntil(async () => expect((await rowsOf(page)).length).toBeGreaterThan(10));
  });

  it('forgets streams that the bridge has forgotten', async () => {
    const { page, status } = await open(
      {},
      ['a', 'b'].map((name) => streamStatus(`zmq/${name}/0`)),
    );
    await waitUntil(async () => expect(await columnOf(page, 'Stream')).toEqual(['zmq/a/0', 'zmq/b/0']));
    status.streams.shift();
    await waitUntil(async () => expect(await columnOf(page, 'Stream')).toEqual(['zmq/b/0']));
  });

  it('shows how far a sink is behind, and nothing where that cannot be told', async () => {
    const at = (epoch: number, seq: string | null) => ({ epoch, seq });
    const streams = [
      streamStatus('zmq/a/0', {
        epoch: 5,
        seq: '18446744073709551615',
        sinks: { file: at(5, '18446744073709551610') },
      }),
      streamStatus('zmq/b/0', { epoch: 5, seq: '9', sinks: { file: at(4, '7') } }),
      streamStatus('zmq/c/0', { epoch: 5, seq: '9', sinks: { file: null } }),
    ];
    const { page } = await open({}, streams);
    await waitUntil(async () => expect(await columnOf(page, 'file behind')).toEqual(['5', '–', '–']));
  });
});

describe('text of publishers', () => {
  const hostile = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>';

  it('stays text, wherever it stands', async () => {
    const control = {
      v: 1,
      id: 'g',
      type: 'StreamGap',
      stream: `zmq/${hostile}/0`,
      reason: hostile,
      missing: '1',
      received_at: 1,
    };
    const trouble = { at: 1, reason: hostile, message: hostile, peer: hostile };
    const { page, tap, requests, problems, server } = await open(
      {
        name: hostile,
        reasons: [hostile],
        ready: false,
        recent_controls: [control],
        sources: [sourceStatus({ name: hostile, endpoint: hostile, last_trouble: trouble })],
        sinks: [sinkStatus(hostile, { state: 'down', code: hostile, message: hostile })],
        weakened: [{ setting: hostile, value: hostile, why: hostile }],
      },
      [streamStatus(`zmq/${hostile}/0`)],
    );
    const stream = { ...testStream(), id: `zmq/${hostile}/0` };
    tap.take(batchOf(stream, [eventDocument(stream, { seq: 0, text: hostile })]));
    await waitUntil(async () => expect(await columnOf(page, 'Stream')).toEqual([`zmq/${hostile}/0`]));
    const records = page.locator('#records');
    await waitUntil(async () => expect(await records.textContent()).toContain(hostile));
    await records.locator('summary').first().click();
    await waitUntil(async () => expect(await records.locator('pre').textContent()).toContain('onerror'));
    // The head's own two: the bridge's icon and the script of the page.
    expect(await page.evaluate("document.querySelectorAll('img, script').length")).toBe(2);
    expect(await page.evaluate('window.ran')).toBeUndefined();
    expect(requests.filter((url) => !url.startsWith(`${server.address}/`))).toEqual([]);
    expect(requests.filter((url) => url.endsWith('/x'))).toEqual([]);
    expect(problems).toEqual([]);
  });
});

describe('records on the page', () => {
  const stream = testStream();

  it('come newest first, with token ids hidden, and one that is open stays open', async () => {
    const { page, tap } = await open();
    tap.take(batchOf(stream, [eventDocument(stream, { seq: 41 })], 41));
    const records = page.locator('#records');
    await records.getByText('#41 · 3 blocks · 3 tokens · GPU').click();
    await waitUntil(async () => expect(await records.locator('pre').textContent()).toContain('"token_ids_hidden": 3'));
    tap.take(batchOf(stream, [eventDocument(stream, { seq: 42 })], 42));
    await records.getByText('#42').waitFor();
    expect((await records.locator('.what').allTextContents()).map((text) => text.slice(0, 3))).toEqual(['#42', '#41']);
    expect(await records.locator('details[open]').count()).toBe(1);
    expect(await records.textContent()).not.toContain('"token_ids"');
  });

  it('stand still while the page is paused, and go on afterwards', async () => {
    const { page, tap, status } = await open();
    await waitUntil(async () => expect(await columnOf(page, 'Events')).toEqual(['42']));
    await page.getByRole('button', { name: 'Pause' }).click();
    expect(await page.getByRole('button', { name: 'Resume' }).getAttribute('aria-pressed')).toBe('true');
    expect(await page.locator('#connection').textContent()).toMatch(/^paused at \d\d:\d\d:\d\d$/);
    status.streams = [streamStatus('zmq/a/0', { events: 4_200 })];
    tap.take(batchOf(stream, [eventDocument(stream, { seq: 42 })], 42));
    const { asked } = status;
    await waitUntil(() => expect(status.asked).toBeGreaterThan(asked + 1));
    expect(await columnOf(page, 'Events')).toEqual(['42']);
    expect(await page.locator('#records li').count()).toBe(0);
    await page.getByRole('button', { name: 'Resume' }).click();
    await waitUntil(async () => expect(await columnOf(page, 'Events')).toEqual(['4,200']));
    await page.locator('#records').getByText('#42').waitFor();
  });
});

/** Whether the canvas has the colour that the style sheet gives grids. */
const gridIsDrawn = `(() => {
  const canvas = document.querySelector('#throughput canvas');
  const hex = getComputedStyle(document.documentElement).getPropertyValue('--grid').trim();
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255) return true;
  }
  return false;
})()`;

describe('the page and its surroundings', () => {
  it('works behind a path prefix and asks for nothing outside it', async () => {
    const { server, status } = await serve();
    status.streams = [streamStatus('zmq/a/0')];
    const url = await startPrefixProxy(server.address, '/teams/a/bridge');
    const { page, requests, problems } = await openPage(browser, url);
    await waitUntil(async () => expect(await columnOf(page, 'Stream')).toEqual(['zmq/a/0']));
    expect(requests).toContain(`${url}live`);
    expect(requests.length).toBeGreaterThan(10);
    expect(requests.filter((request) => !request.startsWith(url))).toEqual([]);
    expect(problems).toEqual([]);
  });

  it('is dark where the reader likes it dark, charts included, and follows when that changes', async () => {
    const { server } = await serve();
    const { page } = await openPage(browser, `${server.address}/`);
    await page.locator('#throughput canvas').waitFor();
    const colours = () =>
      page.evaluate<string[]>(`['body', 'h1', '.card', '#pause'].map((selector) => {
        const { backgroundColor, color } = getComputedStyle(document.querySelector(selector));
        return backgroundColor + ' ' + color;
      })`);
    const light = await colours();
    expect(await page.evaluate(gridIsDrawn)).toBe(true);
    await page.emulateMedia({ colorScheme: 'dark' });
    await waitUntil(async () => expect(await page.evaluate(gridIsDrawn)).toBe(true));
    for (const [at, colour] of (await colours()).entries()) expect(colour).not.toBe(light[at]);
  });

  it('fits a narrow screen without moving sideways', async () => {
    const { server, status } = await serve();
    status.streams = [streamStatus('zmq/kv@10.0.0.5@Qwen/Qwen3-0.6B/0')];
    const { page } = await openPage(browser, `${server.address}/`, { viewport: { width: 380, height: 800 } });
    await waitUntil(async () => expect((await rowsOf(page)).length).toBe(1));
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  });
});
