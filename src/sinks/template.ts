import { ConfigError } from '../core/errors.ts';
import type { Stream } from '../core/stream.ts';

const placeholder = /\{(source|pod|model|rank)\}/g;

/** What no publisher has a say in: the text before the first placeholder. */
export function beforePlaceholder(template: string): string {
  const at = template.search(placeholder);
  return at === -1 ? template : template.slice(0, at);
}

/** What was written by a person, all of it. */
export function withoutPlaceholders(template: string): string {
  return template.replace(placeholder, '');
}

/** The literal text before, between and behind the placeholders: one piece where there is none. */
export function literalPieces(template: string): readonly string[] {
  return template.split(/\{(?:source|pod|model|rank)\}/);
}

/** A stream key or topic name with `{source} {pod} {model} {rank}` in it; any other brace is literal. */
export class TargetTemplate {
  readonly text: string;
  readonly isConstant: boolean;
  readonly #clean: (text: string) => string;

  /** `key` names the setting in errors; `clean` maps what a publisher named to what the destination allows in a name. */
  constructor(key: string, text: string, clean: (text: string) => string = (same) => same) {
    const first = text.search(placeholder);
    if (text === '' || first === 0) {
      throw new ConfigError(
        `${key}: "${text}" must begin with literal text before its first placeholder, e.g. "kv-events-${text}": what a publisher calls itself must not choose the whole name`,
      );
    }
    this.text = text;
    this.isConstant = first === -1;
    this.#clean = clean;
  }

  render(stream: Stream): string {
    if (this.isConstant) return this.text;
    const values = { source: stream.source, pod: stream.pod, model: stream.model, rank: stream.rank };
    return this.text.replace(placeholder, (_, name: keyof typeof values) => this.#clean(values[name] ?? 'unknown'));
  }
}
