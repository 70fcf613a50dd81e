import convict from 'convict';
import type { Catalogue, Tree } from './catalogue.ts';
import { isLeaf } from './catalogue.ts';
import type { AnySetting } from './formats.ts';
import { expected, fits, formatNames, formatOf, fromText } from './formats.ts';
import type { Given } from './given.ts';

interface SchemaItem {
  readonly setting: AnySetting;
}

/**
 * convict's own formats are lenient (`5557abc` is the port 5557, `0` is true), so every format here is one of ours. They
 * must be named ones: only those get a coercion, and convict would apply the lenient one of the default's type instead.
 */
const prefix = 'bridge-';
for (const format of formatNames) {
  convict.addFormat({
    name: `${prefix}${format}`,
    coerce: (value: unknown) => (typeof value === 'string' ? fromText(format, value) : value),
    validate: (value: unknown, item: unknown) => {
      const { setting } = item as SchemaItem;
      if (value === null && setting.default === null) return;
      if (!fits(setting, value)) throw new Error(`must be ${expected(setting)}`);
    },
  });
}

function schemaOf(tree: Tree): convict.Schema<Record<string, unknown>> {
  const entries = Object.entries(tree).map(
    ([key, node]) => [key, isLeaf(node) ? itemOf(node) : schemaOf(node)] as const,
  );
  return Object.fromEntries(entries) as convict.Schema<Record<string, unknown>>;
}

function itemOf(setting: AnySetting) {
  return {
    doc: setting.doc,
    format: `${prefix}${formatOf(setting)}`,
    default: setting.default,
    sensitive: setting.secret === true || setting.credentials === true,
    setting,
  };
}

/** Defaults with everything given laid over them in order; the values have been checked, convict makes sure of it. */
export function merge(catalogue: Catalogue, given: readonly Given[]): Readonly<Record<string, unknown>> {
  // Environment and arguments empty: convict would read the process's own, and its argument parser changes values.
  const merged = convict(schemaOf(catalogue.tree), { env: {}, args: [] });
  for (const { leaf, value } of given) merged.set(leaf.path, value);
  return merged.validate({ allowed: 'strict' }).getProperties();
}
