import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { parseAllDocuments } from 'yaml';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** A YAML file as plain values; any error or warning of the parser fails the test. */
export function yamlDocuments(path: string): Tree[] {
  return parseAllDocuments(read(path), { merge: true, uniqueKeys: true }).map((document) => {
    if (!('errors' in document)) throw new Error(`${path} is empty`);
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    return new Tree(document.toJS(), path);
  });
}

/** A parsed document that is walked by keys and indexes; a path that leads nowhere is an error that says where it ends. */
export class Tree {
  readonly value: unknown;
  readonly #where: string;

  constructor(value: unknown, where: string) {
    this.value = value;
    this.#where = where;
  }

  at(...path: readonly (string | number)[]): Tree {
    let here: Tree = this;
    for (const key of path) here = here.#child(key);
    return here;
  }

  has(key: string): boolean {
    return isRecord(this.value) && Object.hasOwn(this.value, key);
  }

  get keys(): string[] {
    return isRecord(this.value) ? Object.keys(this.value) : [];
  }

  get text(): string {
    if (typeof this.value !== 'string') throw new Error(`${this.#where} is not text`);
    return this.value;
  }

  get items(): Tree[] {
    if (!Array.isArray(this.value)) throw new Error(`${this.#where} is not a list`);
    return this.value.map((item, index) => new Tree(item, `${this.#where}[${index}]`));
  }

  #child(key: string | number): Tree {
    const where = `${this.#where}.${key}`;
    if (!isRecord(this.value) || !Object.hasOwn(this.value, key)) throw new Error(`there is no ${where}`);
    return new Tree(this.value[key], where);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export function hasCommand(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => isExecutable(join(folder, name)));
}

/**
 * A folder for PATH that holds only what is named: links to real commands, and stand-ins that write their name, their
 * arguments into a log and then run the script they were given. Only inside a test: it is gone when the test ends.
 */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'kv-ops-'));
  readonly #log = join(this.folder, 'calls.log');
  readonly #bin = join(this.folder, 'bin');

  constructor(realCommands: readonly string[]) {
    onTestFinished(() => rmSync(this.folder, { recursive: true }));
    mkdirSync(this.#bin);
    writeFileSync(this.#log, '');
    for (const name of realCommands) symlinkSync(pathOf(name), join(this.#bin, name));
  }

  standIn(name: string, script = ''): this {
    const body = `#!/bin/sh\necho "${name} $*" >> '${this.#log}'\n${script}\n`;
    writeFileSync(join(this.#bin, name), body);
    chmodSync(join(this.#bin, name), 0o755);
    return this;
  }

  /** Each call of a stand-in as one line: `name arg arg`. */
  get calls(): string[] {
    return readFileSync(this.#log, 'utf8').split('\n').filter(Boolean);
  }

  run(command: string, args: readonly string[], cwd = root): Ended {
    const { status, stdout, stderr } = spawnSync(join(this.#bin, command), args, {
      cwd,
      env: { PATH: this.#bin, HOME: this.folder },
      encoding: 'utf8',
    });
    return { code: status, stdout, stderr };
  }
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function pathOf(name: string): string {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
  if (found === undefined) throw new Error(`${name} is not on PATH`);
  return found;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
