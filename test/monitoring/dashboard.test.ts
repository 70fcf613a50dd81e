import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { read, root } from '../ops/support.ts';
import { dashboard, dashboardFile } from './support.ts';

const { panels, uid, schemaVersion, templating } = dashboard();
const source = { type: 'prometheus', uid: '$'.concat('{datasource}') };
const shown = panels.filter(({ type }) => type !== 'row');

describe('the dashboard', () => {
  it('is of the schema of Grafana 10, under an address that does not change', () => {
    expect({ uid, schemaVersion }).toEqual({ uid: 'kv-event-bridge', schemaVersion: 38 });
  });

  it('takes every number from the data source that the viewer chooses', () => {
    expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    for (const { title, datasource, targets = [] } of shown) {
      expect([datasource, ...targets.map((target) => target.datasource)], title).toEqual(
        Array.from({ length: targets.length + 1 }, () => source),
      );
    }
    for (const variable of templating.list.slice(1)) expect(variable.datasource).toEqual(source);
  });

  it('can be narrowed to a job, an instance, a source and a sink', () => {
    expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance', 'source', 'sink']);
  });

  it('has a row for each part', () => {
    const rows = panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual([
      'Overview',
      'Sources',
      'Sequence and replay',
      'Sinks and lanes',
      'Latency',
      'Accounting',
      'Process',
    ]);
  });

  it('explains every panel and gives it a unit', () => {
    for (const { title, description, fieldConfig } of shown) {
      expect(description, title).toMatch(/\.$/);
      expect(fieldConfig?.defaults.unit, title).toBeTruthy();
    }
    expect(new Set(shown.map(({ title }) => title)).size).toBe(shown.length);
  });

  it('puts no panel over another or beyond the edge', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.get(`${x} ${y}`), `${title} lies over another`).toBeUndefined();
          taken.set(`${x} ${y}`, title);
        }
      }
    }
  });

  it('and the rules of the operator are what npm run monitoring writes', () => {
    const copy = mkdtempSync(join(tmpdir(), 'kv-monitoring-'));
    onTestFinished(() => rmSync(copy, { recursive: true }));
    const operator = 'manifests/zmq-listener/monitoring/prometheusrule.yaml';
    for (const path of ['monitoring', 'scripts/monitoring.mjs', 'scripts/options.mjs'])
      cpSync(join(root, path), join(copy, path), { recursive: true });
    mkdirSync(join(copy, 'manifests/zmq-listener/monitoring'), { recursive: true });
    rmSync(join(copy, dashboardFile));
    expect(spawnSync(process.execPath, ['scripts/monitoring.mjs'], { cwd: copy }).status).toBe(0);
    for (const path of [dashboardFile, operator]) expect(readFileSync(join(copy, path), 'utf8')).toBe(read(path));
  });
});
