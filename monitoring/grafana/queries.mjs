// Pieces of PromQL, with the dashboard's variables in the place of label values.
export const on = 'job=~"$job",instance=~"$instance"';
export const ofSource = `${on},source=~"$source"`;
export const ofSink = `${on},sink=~"$sink"`;
export const own = (name) => `kv_event_bridge_${name}`;
/** Metrics that every Node.js process has: only those of bridges. */
export const ofProcess = (name) => `${name}{${on}} and on (job, instance) ${own('build_info')}`;
export const rate = (name, labels) => `rate(${own(name)}{${labels}}[$__rate_interval])`;
export const inRange = (name, labels) => `increase(${own(name)}{${labels}}[$__range])`;
export const quantile = (q, name, labels, by) =>
  `histogram_quantile(${q}, sum by (le, ${by}) (${rate(`${name}_bucket`, labels)}))`;
