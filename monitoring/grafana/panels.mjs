// How panels of the dashboard look. What they show stands in the rows' files.

// biome-ignore lint/suspicious/noTemplateCurlyInString: the braces are Grafana's own.
const datasource = { type: 'prometheus', uid: '${datasource}' };

/** A row's panels; a new one begins where the widths are full. */
const gridWidth = 24;
const height = 8;

/**
 * Lines over time. `queries` are pairs of an expression and a legend; `min: null` lets the axis go below 0.
 */
export function graph([title, unit, description], queries, { width = 8, max, stack = false, min = 0 } = {}) {
  return {
    ...panel('timeseries', { title, description, width, queries }),
    fieldConfig: {
      defaults: {
        unit,
        ...(min === null ? {} : { min }),
        ...(max === undefined ? {} : { max }),
        color: { mode: 'palette-classic' },
        custom: {
          drawStyle: 'line',
          lineWidth: 1,
          fillOpacity: stack ? 40 : 8,
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: stack ? 'normal' : 'none', group: 'A' },
        },
      },
      overrides: [],
    },
    options: {
      legend: { calcs: [], displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

/** One number now. `steps` says from where on each colour holds; `words` name values. */
export function stat(
  [title, unit, description],
  [expr, legend],
  { steps = { green: null }, words = {}, width = 4 } = {},
) {
  const mappings = Object.entries(words).map(([value, text]) => ({ type: 'value', options: { [value]: { text } } }));
  return {
    ...panel('stat', { title, description, width, queries: [[expr, legend]] }),
    gridPos: { w: width, h: 5 },
    fieldConfig: {
      defaults: {
        unit,
        mappings,
        color: { mode: 'thresholds' },
        thresholds: { mode: 'absolute', steps: Object.entries(steps).map(([color, value]) => ({ color, value })) },
      },
      overrides: [],
    },
    options: {
      colorMode: 'background',
      graphMode: 'none',
      justifyMode: 'auto',
      textMode: legend === undefined ? 'value' : 'value_and_name',
      orientation: 'auto',
      wideLayout: true,
      showPercentChange: false,
      percentChangeColorMode: 'standard',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    },
  };
}

/** The buckets of a histogram over time. */
export function heatmap(title, description, expr, width = 8) {
  const shown = panel('heatmap', { title, description, width, queries: [[expr, '{{le}}']] });
  return {
    ...shown,
    targets: shown.targets.map((target) => ({ ...target, format: 'heatmap' })),
    fieldConfig: { defaults: { unit: 's', custom: { scaleDistribution: { type: 'linear' } } }, overrides: [] },
    options: {
      calculate: false,
      cellGap: 1,
      cellValues: { unit: 'reqps' },
      color: { mode: 'scheme', scheme: 'Oranges', fill: 'dark-orange', exponent: 0.5, steps: 64, reverse: false },
      exemplars: { color: 'rgba(255,0,255,0.7)' },
      filterValues: { le: 1e-9 },
      legend: { show: true },
      rowsFrame: { layout: 'auto' },
      showValue: 'never',
      // Grafana 10 knows `show`, 11 and later `mode`.
      tooltip: { mode: 'single', show: true, yHistogram: false },
      yAxis: { axisPlacement: 'left', reverse: false, unit: 's' },
    },
  };
}

/** The labels of what an expression finds now, one row each; `hidden` labels are left out. */
export function table(title, description, expr, { width = 8, hidden = [] } = {}) {
  const shown = panel('table', { title, description, width, queries: [[expr, '']] });
  const excluded = ['Time', 'Value', '__name__', ...hidden];
  return {
    ...shown,
    targets: shown.targets.map((target) => ({ ...target, format: 'table', instant: true, range: false })),
    fieldConfig: { defaults: { unit: 'none', custom: { align: 'auto', inspect: false } }, overrides: [] },
    options: { frameIndex: 0, showHeader: true, cellHeight: 'sm' },
    transformations: [
      { id: 'organize', options: { excludeByName: Object.fromEntries(excluded.map((name) => [name, true])) } },
    ],
  };
}

function panel(type, { title, description, width, queries }) {
  return {
    type,
    title,
    description,
    datasource,
    gridPos: { w: width, h: height },
    targets: queries.map(([expr, legend], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      editorMode: 'code',
      expr,
      legendFormat: legend ?? '',
      range: true,
    })),
  };
}

/** The whole dashboard: `rows` are pairs of a title and panels. */
export function dashboard({ uid, title, description, variables, rows }) {
  const panels = [];
  let y = 0;
  for (const [name, content] of rows) {
    panels.push({ type: 'row', title: name, collapsed: false, gridPos: { x: 0, y, w: gridWidth, h: 1 }, panels: [] });
    y = place(content, panels, y + 1);
  }
  return {
    uid,
    title,
    description,
    tags: ['kv-event-bridge', 'kv-cache', 'llm'],
    schemaVersion: 38,
    version: 1,
    editable: true,
    graphTooltip: 1,
    liveNow: false,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timepicker: {},
    timezone: '',
    weekStart: '',
    fiscalYearStartMonth: 0,
    annotations: { list: [] },
    links: [],
    templating: { list: [datasourceVariable(), ...variables.map(labelVariable)] },
    panels: panels.map((each, index) => ({ id: index + 1, ...each })),
  };
}

/** Puts the panels of one row side by side, from the left; returns where the next row begins. */
function place(content, panels, top) {
  let [x, y, lowest] = [0, top, top];
  for (const each of content) {
    const { w, h } = each.gridPos;
    if (x + w > gridWidth) [x, y] = [0, lowest];
    panels.push({ ...each, gridPos: { x, y, w, h } });
    x += w;
    lowest = Math.max(lowest, y + h);
  }
  return lowest;
}

function datasourceVariable() {
  const all = {
    current: {},
    hide: 0,
    includeAll: false,
    multi: false,
    options: [],
    refresh: 1,
    regex: '',
    skipUrlSync: false,
  };
  return { type: 'datasource', name: 'datasource', label: 'Data source', query: 'prometheus', ...all };
}

function labelVariable([name, label, query]) {
  return {
    type: 'query',
    name,
    label,
    datasource,
    definition: query,
    query: { query, refId: `variable-${name}` },
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { selected: true, text: ['All'], value: ['$__all'] },
    hide: 0,
    options: [],
    // When the time range changes: instances come and go.
    refresh: 2,
    regex: '',
    skipUrlSync: false,
    sort: 1,
  };
}
