import type { Page } from 'playwright-core';
import type { Status } from '../../src/core/status.ts';
import type { Readiness } from '../../src/telemetry/health.ts';
import type { Bridge } from '../e2e/bridge.ts';
import { Program } from '../e2e/bridge.ts';
import type { Alert, Prometheus } from '../support/services/prometheus.ts';
import type { Scene } from './fault.ts';
import { hostOf } from './stage.ts';

export interface Examined {
  readonly exitCode: number | null;
  /** As it stands on the terminal, with the usual ports in place of those of this run. */
  readonly text: string;
  readonly codes: readonly string[];
  readonly verdict: string;
}

/** The real program, with the configuration of the bridge, as an operator would run it. */
export async function doctor(scene: Scene): Promise<Examined> {
  const program = new Program('doctor', { args: ['--wait', '3s'], env: { ...scene.env, HTTP_PORT: httpPort(scene) } });
  const exitCode = await program.exited;
  const text = usual(program.stdout, scene);
  const codes = [...text.matchAll(/ \[([a-z-]+)\]$/gm)].map((match) => match[1] ?? '');
  return { exitCode, text, codes, verdict: /^Verdict: .*$/m.exec(text)?.[0] ?? '' };
}

/** Replaces the ports of this run, digits that stand alone, by the usual ones. */
export function usual(text: string, scene: Scene): string {
  const ports = { ...scene.ports, 8080: httpPort(scene) };
  return Object.entries(ports).reduce(
    (sofar, [known, real]) => sofar.replaceAll(new RegExp(`(?<!\\d)${real}(?!\\d)`, 'g'), known),
    text,
  );
}

function httpPort({ bridge }: Scene): string {
  return new URL(bridge.http ?? '').port;
}

export async function statusOf(bridge: Bridge): Promise<Status> {
  return JSON.parse((await bridge.get('/statusz')).body) as Status;
}

export async function readinessOf(bridge: Bridge): Promise<Readiness & { readonly status: number }> {
  const { status, body } = await bridge.get('/readyz');
  return { status, ...(JSON.parse(body) as Readiness) };
}

/** The part of its text that was wanted, once the element has it. */
export async function textOn(page: Page, selector: string, wanted: RegExp): Promise<string> {
  const element = page.locator(selector).filter({ hasText: wanted }).first();
  await element.waitFor({ timeout: 20_000 });
  // biome-ignore lint/performance/useDomNodeTextContent: without its layout, the text of a row is one word
  const text = (await element.innerText()).replaceAll(/\s+/g, ' ');
  return wanted.exec(text)?.[0] ?? text;
}

export async function firing(prometheus: Prometheus, bridge: Bridge): Promise<readonly Alert[]> {
  const instance = hostOf(bridge);
  const alerts = await prometheus.alerts();
  return alerts.filter(({ state, labels }) => state === 'firing' && [instance, undefined].includes(labels['instance']));
}
