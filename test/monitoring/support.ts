import { read, yamlDocuments } from '../ops/support.ts';

export const rulesFile = 'monitoring/prometheus/rules.yaml';
export const dashboardFile = 'monitoring/grafana/dashboard.json';

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

export function ruleGroups(): readonly RuleGroup[] {
  return yamlDocuments(rulesFile)[0]?.at('groups').value as RuleGroup[];
}

export function rules(): readonly Rule[] {
  return ruleGroups().flatMap((group) => group.rules);
}

export function alerts(): readonly (Rule & { readonly alert: string })[] {
  return rules().flatMap((rule) => (rule.alert === undefined ? [] : [{ ...rule, alert: rule.alert }]));
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: unknown;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly datasource: unknown; readonly expr: string; readonly legendFormat: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly datasource?: unknown;
  readonly query: unknown;
}

export interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

export function dashboard(): Dashboard {
  return JSON.parse(read(dashboardFile)) as Dashboard;
}

export interface Query {
  readonly panel: string;
  readonly expr: string;
  readonly legend: string;
}

/** Every query of the dashboard. */
export function queries(): readonly Query[] {
  return dashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ panel: title, expr, legend: legendFormat })),
  );
}

/** Metrics of the bridge in an expression, without prefix; what rules record is none. */
export function metricsIn(expr: string): string[] {
  return [...expr.matchAll(/(?<![:\w])kv_event_bridge_(\w+)(?![:\w])/g)].map((match) => match[1] ?? '');
}
