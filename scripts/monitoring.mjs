// Writes what is made of monitoring/: the dashboard's JSON, and the rules as an object of the Prometheus operator.
import { readFileSync, writeFileSync } from 'node:fs';
import { content } from '../monitoring/grafana/content.mjs';
import { dashboard } from '../monitoring/grafana/panels.mjs';
import { readOptions } from './options.mjs';

readOptions(
  'monitoring',
  `npm run monitoring

Writes monitoring/grafana/dashboard.json and manifests/zmq-listener/monitoring/prometheusrule.yaml from monitoring/.`,
);

const at = (path) => new URL(`../${path}`, import.meta.url);

const head = `# monitoring/prometheus/rules.yaml for the Prometheus operator, written by "npm run monitoring": change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: zmq-listener
  labels:
    app: zmq-listener
spec:
`;
const file = readFileSync(at('monitoring/prometheus/rules.yaml'), 'utf8');
const rules = file.slice(file.search(/^groups:/m));

writeFileSync(at('monitoring/grafana/dashboard.json'), `${JSON.stringify(dashboard(content), null, 2)}\n`);
writeFileSync(at('manifests/zmq-listener/monitoring/prometheusrule.yaml'), head + rules.replaceAll(/^(?=.)/gm, '  '));
