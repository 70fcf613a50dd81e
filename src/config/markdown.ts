import type { Catalogue, Leaf } from './catalogue.ts';
import { secretFileVariable } from './environment.ts';
import type { AnySetting } from './formats.ts';
import { expected, formatOf } from './formats.ts';
import { shown } from './mask.ts';
import { sourceSettings } from './root-settings.ts';

const introduction = `# Configuration

<!-- Written by \`npm run docs\` from the settings in src; a test compares the two. Change the settings, not this page. -->

Everything is optional. Values come from four places, the later ones win:

1. the defaults below;
2. a file, YAML or JSON, named by \`--config\` or \`CONFIG\`; keys are nested at their dots, unknown keys are errors;
3. environment variables;
4. flags, of every command that reads the configuration (\`--help\` of each lists them).

\`kv-event-bridge check-config\` prints what is in effect and where each value came from, with secrets hidden, and ends with
exit code 2 when anything is wrong; all problems are reported together. \`kv-event-bridge schema --config\` prints a JSON
Schema of the file for editors. \`config/production.example.yaml\` is a file to start from.

| Format | In the environment and in flags | In a file |
|---|---|---|
| size | \`1048576\`, \`512KiB\`, \`32MiB\`, \`1GiB\` | the same, or a number |
| duration | \`500\` (milliseconds), \`500ms\`, \`30s\`, \`10m\`, \`24h\`, \`7d\` | the same, or a number |
| list | separated by commas | a list |
| true or false | \`true\`, \`false\` and nothing else; a flag alone means \`true\` | \`true\`, \`false\` |

A variable that is set but empty is an error, except where a text may be empty. Secrets may also come from a file:
\`REDIS_PASSWORD_FILE=/run/secrets/redis\` is the content of that file without its last line break. A secret given as a
flag can be seen in the list of processes.

In Kubernetes, set \`enableServiceLinks: false\` in the pod's spec: for a Service named \`zmq\` or \`http\` the kubelet otherwise sets
\`ZMQ_PORT\` or \`HTTP_PORT\` to \`tcp://...\`, which is refused.
`;

/** The whole of docs/configuration.md. */
export function configurationPage(catalogue: Catalogue): string {
  const sections = [...new Set(catalogue.leaves.map((leaf) => leaf.section))];
  const tables = sections.map((section) => {
    const leaves = catalogue.leaves.filter((leaf) => leaf.section === section);
    return `## ${section === '' ? 'General' : `\`${section}\``}\n\n${table(leaves)}${section === '' ? `\n${sourcesTable()}` : ''}`;
  });
  return `${introduction}\n${tables.join('\n')}`;
}

function table(leaves: readonly Leaf[]): string {
  const rows = leaves.map((leaf) => {
    const variables = leaf.setting.secret ? [leaf.env, secretFileVariable(leaf)] : [leaf.env];
    const names = variables.map((name) => `\`${name}\``).join(' or ');
    return row([
      `\`${leaf.path}\``,
      names,
      `\`--${leaf.flag}\``,
      allowed(leaf.setting),
      defaultOf(leaf.setting),
      leaf.setting.doc,
    ]);
  });
  return `${row(['Key', 'Environment', 'Flag', 'Allowed', 'Default', 'Meaning'])}\n|---|---|---|---|---|---|\n${rows.join('\n')}\n`;
}

function sourcesTable(): string {
  const rows = Object.entries(sourceSettings).map(([key, setting]: [string, AnySetting]) => {
    const fallback = setting.default === null ? 'not set' : `that of \`zmq.${key}\``;
    return row([`\`${key}\``, allowed(setting), fallback, setting.doc]);
  });
  return `### An entry of \`sources\`\n\n${row(['Key', 'Allowed', 'Default', 'Meaning'])}\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** Briefly: the formats themselves are explained at the top of the page. */
function allowed(setting: AnySetting): string {
  if ('choices' in setting) return setting.choices.map((choice) => `\`${choice}\``).join(', ');
  const text = expected(setting);
  const limits = text.match(/, (?:from|at least|at most) \S+(?: to \S+)?$/)?.[0] ?? '';
  switch (formatOf(setting)) {
    case 'bytes':
      return `size${limits}`;
    case 'duration':
      return `duration${limits}`;
    case 'list':
      return 'list';
    case 'sources':
      return 'list of sources';
    case 'name':
      return 'text';
    case 'text':
      return 'text, may be empty';
    default:
      return text;
  }
}

function defaultOf(setting: AnySetting): string {
  return setting.default === null ? 'not set' : `\`${shown(setting, setting.default)}\``;
}
