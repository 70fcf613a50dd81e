import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isLive, openPage } from '../page/browser.ts';
import { waitUntil } from '../support/wait.ts';
import { doctor, firing, readinessOf, statusOf, textOn, usual } from './asking.ts';
import type { Scene } from './fault.ts';
import { faults } from './faults/all.ts';
import { Stage } from './stage.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** What was broken, and what the bridge and its tools had to say: `npm run tour` prints it. */
    broken?: string;
    says?: string;
  }
}

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });
const patience = 30_000;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
}, 300_000);
afterAll(() => stage?.close());

describe.each(faults.map((fault) => [fault.name, fault] as const))('%s', (_, fault) => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await fault.stage(stage);
  });
  afterAll(() => stage.clear());

  it('/statusz shows it', async ({ task }) => {
    task.meta.broken = fault.broken;
    await waitUntil(async () => {
      const shown = fault.status.shows(await statusOf(scene.bridge));
      task.meta.says = usual(JSON.stringify(shown), scene);
      expect(shown).toMatchObject(fault.status.is as object);
    }, patience);
  });

  it('/readyz says the truth about it', async ({ task }) => {
    const { readiness } = fault;
    await waitUntil(async () => {
      const { status, ready, reasons } = await readinessOf(scene.bridge);
      task.meta.says = usual(`${status} ${ready ? 'ready' : reasons.join('; ')}`, scene);
      expect({ status, ready }).toEqual(
        readiness === 'ready' ? { status: 200, ready: true } : { status: 503, ready: false },
      );
      expect((await scene.bridge.get('/livez')).status).toBe(200);
      if (readiness !== 'ready') expect(reasons.join('\n')).toMatch(readiness);
    }, patience);
  });

  it('doctor names the cause', async ({ task }) => {
    const { exitCode, text, codes, verdict } = await doctor(scene);
    task.meta.says = `exit code ${exitCode}\n${text}`;
    expect(codes, text).toEqual(expect.arrayContaining([...fault.doctor.codes]));
    expect(verdict).toMatch(fault.doctor.verdict);
    expect(exitCode).toBe(fault.doctor.exitCode);
  });

  it('the live page shows it', async ({ task }) => {
    const opened = await openPage(stage.browser, `${scene.bridge.http}/`);
    await isLive(opened);
    const { selector, shows } = fault.page;
    task.meta.says = usual(await textOn(opened.page, selector, shows), scene);
    const readiness = fault.readiness === 'ready' ? 'ready' : 'not ready';
    expect(await opened.page.locator('#readiness').textContent()).toBe(readiness);
    expect(opened.problems).toEqual([]);
  });

  it('the alert fires', async ({ task }) => {
    const { name, labels = {}, summary } = fault.alert;
    await waitUntil(async () => {
      const alerts = await firing(stage.prometheus, scene.bridge);
      const alert = alerts.find((one) => one.labels['alertname'] === name);
      task.meta.says = usual(`${name}: ${alert?.annotations['summary']}`, scene);
      expect(alert?.labels, JSON.stringify(alerts)).toMatchObject(labels);
      expect(alert?.annotations['summary']).toMatch(summary);
    }, patience);
  });
});
