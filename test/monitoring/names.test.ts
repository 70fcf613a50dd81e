import { describe, expect, it } from 'vitest';
import type { SinkErrorKind } from '../../src/core/errors.ts';
import type { MetricName, MetricSpec } from '../../src/telemetry/catalogue.ts';
import { catalogue, knownValues } from '../../src/telemetry/catalogue.ts';
import { read } from '../ops/support.ts';
import { alerts, metricsIn, queries, rules } from './support.ts';

const histogramParts = /_(bucket|sum|count)$/;

const completenesses = ['exact', 'recovering', 'degraded'];
const kinds: readonly SinkErrorKind[] = ['transient', 'destination', 'reopen', 'fenced', 'closed'];
/** Notes of sinks that rules select; their code is beside what they are about. */
const notes = [
  ['SINK_BEHIND', 'src/pipeline/lane-buffer.ts'],
  ['RECORDS_LOST', 'src/sinks/file/inventory.ts'],
].flatMap(([code = '', file = '']) => (read(file).includes(`'${code}'`) ? [code] : []));

/** Metrics that neither the dashboard nor a rule shows, with the reason. */
const unseen: Partial<Record<MetricName, string>> = {};

function specOf(name: string): MetricSpec | undefined {
  const specs: Readonly<Record<string, MetricSpec>> = catalogue;
  const base = name.replace(histogramParts, '');
  return specs[name] ?? (specs[base]?.kind === 'histogram' ? specs[base] : undefined);
}

const expressions = [
  ...queries().map(({ panel, expr }) => ({ where: `panel ${panel}`, expr })),
  ...rules().map(({ alert, record, expr }) => ({ where: `rule ${alert ?? record}`, expr })),
];

describe('dashboard and rules', () => {
  it('name only metrics of the catalogue', () => {
    const unknown = expressions.flatMap(({ where, expr }) =>
      metricsIn(expr)
        .filter((name) => specOf(name) === undefined)
        .map((name) => `${where}: ${name}`),
    );
    expect(expressions.length).toBeGreaterThan(50);
    expect(unknown).toEqual([]);
  });

  it('show every metric of the catalogue', () => {
    const shown = new Set(
      expressions.flatMap(({ expr }) => metricsIn(expr)).flatMap((name) => [name, name.replace(histogramParts, '')]),
    );
    const missing = Object.keys(catalogue).filter((name) => !shown.has(name));
    expect(missing.sort()).toEqual(Object.keys(unseen).sort());
  });

  it('select by labels that the metrics have', () => {
    const added = ['job', 'instance', 'namespace', 'le'];
    const wrong = expressions.flatMap(({ where, expr }) =>
      [...expr.matchAll(/kv_event_bridge_(\w+)\{([^}]*)\}/g)].flatMap(([, name = '', matchers = '']) => {
        const labels = [...matchers.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map((match) => match[1] ?? '');
        const known = [...added, ...(specOf(name)?.labels ?? [])];
        return labels.filter((label) => !known.includes(label)).map((label) => `${where}: ${name} has no ${label}`);
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('select values that the bridge gives its labels', () => {
    const inCode = new Set<string>([...Object.values(knownValues).flat(), ...completenesses, ...kinds, ...notes]);
    const selected = expressions.flatMap(({ expr }) =>
      [...expr.matchAll(/\b(?:reason|outcome|fate|class|code|completeness)(?:=~|!~|!=|=)"([^"$]*)"/g)].flatMap(
        (match) => (match[1] ?? '').split('|'),
      ),
    );
    expect(selected).toEqual(expect.arrayContaining(['received', 'silent', 'SINK_BEHIND']));
    expect(selected.filter((value) => !inCode.has(value))).toEqual([]);
  });
});

describe('docs/runbooks.md', () => {
  const page = read('docs/runbooks.md');
  const headings = [...page.matchAll(/^## (KvEventBridge\w+)$/gm)].map((match) => match[1]);

  it('has a section for every alert, and for nothing else', () => {
    expect(headings).toEqual(alerts().map(({ alert }) => alert));
  });

  it('answers the same five questions for each of them', () => {
    const sections = page.split(/^(?=## KvEventBridge)/m).slice(1);
    for (const section of sections) {
      const asked = [...section.matchAll(/^\*\*(.*?)\.\*\*/gm)].map((match) => match[1]);
      expect(asked, section.slice(0, 40)).toEqual(['Means', 'Lost', 'See', 'Do', 'Over']);
    }
  });
});

describe('every alert', () => {
  it.each(alerts().map((rule) => [rule.alert, rule] as const))(
    '%s says what is wrong, what to do first, and where to read on',
    (alert, rule) => {
      expect(rule.labels?.['severity']).toMatch(/^(critical|warning|info)$/);
      expect(rule.annotations?.['summary']).toMatch(/\.$/);
      expect(rule.annotations?.['description']).toContain('First step: ');
      expect(rule.annotations?.['runbook_url']).toBe(
        `{{ or $externalLabels.runbooks "docs/runbooks.md" }}#${alert.toLowerCase()}`,
      );
    },
  );
});
