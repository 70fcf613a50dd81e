import type { Catalogue, Tree } from './catalogue.ts';
import { isLeaf } from './catalogue.ts';
import type { AnySetting } from './formats.ts';
import { formatOf } from './formats.ts';
import { sourceSettings } from './root-settings.ts';

type Schema = Readonly<Record<string, unknown>>;

const filled = { type: 'string', pattern: '\\S' };
const port = { type: 'integer', minimum: 0, maximum: 65_535 };

/** JSON Schema (2020-12) of the configuration file: for editors and pipelines. `check-config` checks more. */
export function configSchema(catalogue: Catalogue, sinkNames: readonly string[]): Schema {
  const { properties, ...rest } = sectionSchema(catalogue.tree) as {
    readonly properties: Readonly<Record<string, Schema>>;
  };
  const sinks = { ...properties['sinks'], items: { enum: sinkNames }, minItems: 1, uniqueItems: true };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of kv-event-bridge',
    ...rest,
    properties: { ...properties, sinks },
  };
}

function sectionSchema(tree: Tree): Schema {
  const properties = Object.entries(tree).map(([key, node]) => [
    key,
    isLeaf(node) ? settingSchema(node) : sectionSchema(node),
  ]);
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) };
}

function settingSchema(setting: AnySetting): Schema {
  return {
    description: setting.doc,
    ...typeSchema(setting),
    ...(setting.default === null || setting.secret ? {} : { default: setting.default }),
    ...(setting.secret ? { writeOnly: true } : {}),
  };
}

function typeSchema(setting: AnySetting): Schema {
  if ('choices' in setting) return { enum: setting.choices };
  switch (formatOf(setting)) {
    case 'integer':
      return integer(setting);
    case 'port':
      return port;
    case 'portOrOff':
      return { anyOf: [port, { const: 'off' }] };
    case 'flag':
      return { type: 'boolean' };
    case 'list':
      return { type: 'array', items: filled };
    case 'bytes':
      return { anyOf: [integer(setting), { type: 'string', pattern: '^(0|[1-9]\\d*)(B|KiB|MiB|GiB)?$' }] };
    case 'duration':
      return { anyOf: [integer(setting), { type: 'string', pattern: '^(0|[1-9]\\d*)(ms|s|m|h|d)?$' }] };
    case 'sources':
      return { type: 'array', minItems: 1, items: sourceSchema() };
    case 'text':
      return { type: 'string' };
    default:
      return filled;
  }
}

function integer(setting: AnySetting): Schema {
  const { min, max } = 'choices' in setting || setting.format === 'sources' ? {} : setting;
  const format = formatOf(setting);
  const minimum = min ?? (format === 'integer' ? Number.MIN_SAFE_INTEGER : 0);
  return { type: 'integer', minimum, maximum: max ?? Number.MAX_SAFE_INTEGER };
}

function sourceSchema(): Schema {
  const schema = sectionSchema(sourceSettings) as { readonly properties: Readonly<Record<string, Schema>> };
  const name = { ...schema.properties['name'], pattern: '^[a-z0-9-]{1,100}$' };
  return {
    ...schema,
    properties: { ...schema.properties, name },
    required: ['name'],
    oneOf: [{ required: ['bind'] }, { required: ['connect'] }],
  };
}
