import { ConfigError } from '../../core/errors.ts';
import type { Stream } from '../../core/stream.ts';
import type { DeadLetter } from '../../wire/dead-letter.ts';
import { beforePlaceholder, TargetTemplate } from '../template.ts';

/** Longer keys come from a publisher's fantasy, not from a person: each would cost Redis memory for ever. */
const maxKeyBytes = 1_024;

export type Target =
  | { readonly ok: true; readonly key: string }
  | { readonly ok: false; readonly key: string; readonly reason: DeadLetter['reason']; readonly message: string };

/** The names of everything this sink writes to. */
export class Keys {
  readonly deadLetter: string;
  /** The hash with the checkpoints, fences and leases of all bridges that write here. */
  readonly checkpoints: string;
  readonly #template: TargetTemplate;
  readonly #reserved: ReadonlySet<string>;
  /** Answer for every stream where the template has no placeholder. */
  readonly #constant: Target | null;

  constructor(stream: string, deadLetter: string | null) {
    this.#template = new TargetTemplate('redis.stream', stream);
    const prefix = literalPrefix(stream);
    this.deadLetter = deadLetter ?? `${prefix}:dead-letter`;
    this.checkpoints = `${prefix}:checkpoints`;
    if (this.deadLetter === this.checkpoints) {
      throw new ConfigError(`redis.deadLetter: "${this.deadLetter}" is reserved for checkpoints; name another key`);
    }
    this.#reserved = new Set([this.deadLetter, this.checkpoints, 'kv-events:checkpoints']);
    if (this.#template.isConstant && this.#reserved.has(stream)) {
      throw new ConfigError(`redis.stream: "${stream}" is reserved for dead letters or checkpoints; name another key`);
    }
    this.#constant = this.#template.isConstant ? { ok: true, key: stream } : null;
  }

  /** Streams that are known without any stream: what can be checked before the first record. */
  get known(): readonly string[] {
    return this.#template.isConstant ? [this.#template.text, this.deadLetter] : [this.deadLetter];
  }

  targetOf(stream: Stream): Target {
    if (this.#constant !== null) return this.#constant;
    const key = this.#template.render(stream);
    if (this.#reserved.has(key)) {
      return {
        ok: false,
        key,
        reason: 'reserved_target',
        message: `the key "${key}" is reserved for dead letters or checkpoints`,
      };
    }
    const bytes = Buffer.byteLength(key);
    if (bytes > maxKeyBytes) {
      return {
        ok: false,
        key: `${key.slice(0, 64)}...`,
        reason: 'refused',
        message: `the key would have ${bytes} bytes, more than ${maxKeyBytes}`,
      };
    }
    return { ok: true, key };
  }
}

/** The text before the first placeholder, without the separators that lead to it. */
export function literalPrefix(template: string): string {
  return beforePlaceholder(template).replace(/[:._/{-]+$/, '') || template;
}

/**
 * In a cluster the part in the first pair of braces decides which node owns a key. It must be literal and come before
 * any placeholder: stream, dead letters and checkpoints are written together, and no publisher may choose the node.
 */
export function checkHashTag(stream: string, deadLetter: string | null): void {
  const tag = hashTag(beforePlaceholder(stream));
  if (tag === null) {
    const prefix = literalPrefix(stream);
    const plain = prefix.replaceAll(/[{}]/g, '');
    const corrected = `{${plain === '' ? 'kv-events' : plain}}${stream.slice(prefix.length)}`;
    throw new ConfigError(
      `redis.stream: "${stream}" has no literal {tag} before its first placeholder, so the nodes of the cluster could not write its records together; write "${corrected}"`,
    );
  }
  if (deadLetter !== null && hashTag(deadLetter) !== tag) {
    throw new ConfigError(
      `redis.deadLetter: "${deadLetter}" must have the same {tag} as redis.stream in a cluster; write "{${tag}}:dead-letter"`,
    );
  }
}

function hashTag(key: string): string | null {
  return /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? null;
}
