import { ConfigError } from '../core/errors.ts';
import type { Leaf } from './catalogue.ts';
import { expected } from './formats.ts';
import { quoted } from './mask.ts';

/** Collects everything that is wrong, so that one run shows all of it. Each line: key, value, where from, what is allowed. */
export class Problems {
  readonly #lines: string[] = [];
  readonly #keys: string[] = [];

  get count(): number {
    return this.#lines.length;
  }

  /** Whether something under this key is wrong already: what follows from that is no news. */
  touches(key: string): boolean {
    return this.#keys.some((one) => one === key || one.startsWith(`${key}.`));
  }

  /** `key: message (origin)` */
  add(key: string, message: string, origin?: string): void {
    this.#keys.push(key);
    this.#lines.push(`${key}: ${message}${origin === undefined ? '' : ` (${origin})`}`);
  }

  /** A value that its setting does not allow. */
  refuse(leaf: Pick<Leaf, 'path' | 'setting'>, value: unknown, origin: string): void {
    this.add(leaf.path, `${quoted(leaf.setting, value)} is not allowed, must be ${expected(leaf.setting)}`, origin);
  }

  throwIfAny(): void {
    const lines = [...new Set(this.#lines)];
    if (lines.length === 0) return;
    const head =
      lines.length === 1 ? 'the configuration has a problem' : `the configuration has ${lines.length} problems`;
    throw new ConfigError(`${head}:\n${lines.map((line) => `  ${line}`).join('\n')}`);
  }
}
