import { readFile } from 'node:fs/promises';
import type { YAMLError } from 'yaml';
import { LineCounter, parseDocument } from 'yaml';
import { messageOf } from '../core/errors.ts';
import type { Catalogue, Leaf, Tree } from './catalogue.ts';
import { isLeaf } from './catalogue.ts';
import { formatOf, fromFile } from './formats.ts';
import type { Given } from './given.ts';
import { givenValue } from './given.ts';
import { suggestion } from './nearest.ts';
import type { Problems } from './problems.ts';

/** What a configuration file gives. YAML 1.2; JSON is a part of it. */
export async function givenByFile(file: string, catalogue: Catalogue, problems: Problems): Promise<readonly Given[]> {
  const text = await textOf(file, problems);
  const content = text === null ? null : parsed(file, text, problems);
  if (content === null) return [];
  const leaves = new Map(catalogue.leaves.map((leaf) => [leaf.path, leaf]));
  return new FileReader(leaves, `file ${file}`, problems).section(catalogue.tree, content, '');
}

async function textOf(file: string, problems: Problems): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    problems.add('config', `the file ${JSON.stringify(file)} cannot be read: ${messageOf(error)}`);
    return null;
  }
}

/** The file's content, null where it is empty or wrong. The parser's own messages quote the file, secrets too: its codes do not. */
function parsed(file: string, text: string, problems: Problems): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  const errors: readonly YAMLError[] = [...document.errors, ...document.warnings];
  for (const error of errors) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    const message = error.code.toLowerCase().replaceAll('_', ' ');
    problems.add('config', `${file}:${line}:${col}: not valid YAML or JSON: ${message}`);
  }
  if (errors.length > 0) return null;
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    problems.add('config', `${file}: not valid YAML or JSON: an alias has no anchor, or too many aliases`);
    return null;
  }
}

class FileReader {
  readonly #leaves: ReadonlyMap<string, Leaf>;
  readonly #origin: string;
  readonly #problems: Problems;

  constructor(leaves: ReadonlyMap<string, Leaf>, origin: string, problems: Problems) {
    this.#leaves = leaves;
    this.#origin = origin;
    this.#problems = problems;
  }

  section(tree: Tree, content: unknown, path: string): readonly Given[] {
    if (!isPlainObject(content)) {
      const where = path === '' ? 'config' : path;
      this.#problems.add(
        where,
        `must be a section with keys (${Object.keys(tree).join(', ')}), is ${kindOf(content)}`,
        this.#origin,
      );
      return [];
    }
    return Object.entries(content).flatMap(([key, value]) => this.#entry(tree, key, value, path));
  }

  #entry(tree: Tree, key: string, value: unknown, above: string): readonly Given[] {
    const path = above === '' ? key : `${above}.${key}`;
    const node = Object.hasOwn(tree, key) ? tree[key] : undefined;
    if (node === undefined) {
      this.#problems.add(printable(path), `unknown key; ${this.#hint(tree, key)}`, this.#origin);
      return [];
    }
    return isLeaf(node) ? this.#value(path, value) : this.section(node, value, path);
  }

  #value(path: string, value: unknown): readonly Given[] {
    const leaf = this.#leaves.get(path);
    if (leaf === undefined) return [];
    if (value === null) {
      this.#problems.add(path, 'has no value: give it one or remove the key', this.#origin);
      return [];
    }
    return givenValue(leaf, fromFile(formatOf(leaf.setting), value), this.#origin, this.#problems);
  }

  #hint(tree: Tree, key: string): string {
    if (this.#leaves.has(key))
      return `keys are nested in a file: write ${key.split('.').join(': { ')}: ...${' }'.repeat(key.split('.').length - 1)}`;
    return suggestion(key, Object.keys(tree));
  }
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a value is, without saying what it holds. */
export function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'a section' : `a single value (${typeof value})`;
}

/** Keys of a file are foreign text. */
export function printable(key: string): string {
  return /^[\w.[\]-]{1,200}$/.test(key) ? key : JSON.stringify(key.slice(0, 200));
}
