import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { root } from '../ops/support.ts';
import { prometheusPrograms } from '../support/services/prometheus.ts';
import { alerts } from './support.ts';

const folder = join(root, 'monitoring/prometheus');

let promtool: string;
beforeAll(async () => {
  promtool = (await prometheusPrograms()).promtool;
}, 180_000);

function run(args: readonly string[], cwd = folder): Promise<{ code: unknown; output: string }> {
  return new Promise((resolve) => {
    execFile(promtool, args, { cwd }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, output: stdout + stderr });
    });
  });
}

describe('promtool', () => {
  it('accepts the rules', async () => {
    const { code, output } = await run(['check', 'rules', '--lint-fatal', 'rules.yaml']);
    expect(code, output).toBe(0);
  });

  it('accepts the configuration of the compose profile, with these rules', async () => {
    const { code, output } = await run(['check', 'config', '--lint-fatal', 'prometheus.yml']);
    expect(code, output).toBe(0);
    expect(output).toContain('1 rule files found');
  });

  it('finds in every scenario the alerts that have to fire, and no others', async () => {
    const { code, output } = await run(['test', 'rules', 'rules.test.yaml']);
    expect(code, output).toBe(0);
  });

  it('would miss each of the alerts in its scenario if it did not fire', async () => {
    const work = mkdtempSync(join(tmpdir(), 'kv-rules-'));
    onTestFinished(() => rmSync(work, { recursive: true }));
    const text = readFileSync(join(folder, 'rules.yaml'), 'utf8');
    writeFileSync(join(work, 'rules.yaml'), text.replaceAll('- alert: ', '- alert: Not'));
    copyFileSync(join(folder, 'rules.test.yaml'), join(work, 'rules.test.yaml'));
    const { code, output } = await run(['test', 'rules', 'rules.test.yaml'], work);
    expect(code).toBe(1);
    expect(alerts().filter(({ alert }) => !output.includes(`alertname="${alert}"`))).toEqual([]);
  });
});
