import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { need } from '../support/services/packages.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** It speaks to nobody but the page's server. */
const args = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/** `CHROMIUM`, else what is on PATH. */
function executable(): string | undefined {
  const { CHROMIUM, PATH = '' } = process.env;
  if (CHROMIUM !== undefined && CHROMIUM !== '') return CHROMIUM;
  const paths = PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  return paths.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A real browser; installs it where that is possible without asking. */
export async function launchBrowser(): Promise<Browser> {
  await need({ packages: ['chromium'], what: 'Chromium (or CHROMIUM=/path/to/it)' }, async () => {
    const path = executable();
    if (path === undefined) return false;
    await promisify(execFile)(path, ['--version']);
    return true;
  });
  return chromium.launch({ executablePath: executable() ?? '', args });
}

/** A page with everything that it asked for and everything that went wrong in it. */
export interface Opened {
  readonly page: Page;
  readonly requests: readonly string[];
  readonly problems: readonly string[];
}

export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 900 }, locale: 'en', ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const requests: string[] = [];
  const problems: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(url);
  return { page, requests, problems };
}

/** Waits until the page shows what the bridge says; where it does not, says what went wrong inside. */
export async function isLive({ page, problems, requests }: Opened): Promise<void> {
  const shown = page.locator('#connection.good').waitFor({ timeout: 30_000 });
  await shown.catch((cause: unknown) => {
    throw new Error(`the page is not live: ${JSON.stringify({ problems, requests })}`, { cause });
  });
}

/** The streams' rows that exist now, as the texts of their cells. */
export async function rowsOf(page: Page): Promise<string[][]> {
  const rows = await page.evaluate<string[][]>(
    `[...document.querySelectorAll('#streams tbody .row')].filter((row) => !row.hidden)
      .map((row) => [...row.cells].map((cell) => cell.textContent))`,
  );
  return rows;
}

/** What a column of the rows in sight shows, by the column's title. */
export async function columnOf(page: Page, title: string): Promise<string[]> {
  const titles = await page.locator('#streams thead th').allTextContents();
  const at = titles.indexOf(title);
  if (at < 0) throw new Error(`no column "${title}", only ${titles.join(', ')}`);
  return (await rowsOf(page)).map((cells) => cells[at] ?? '');
}
