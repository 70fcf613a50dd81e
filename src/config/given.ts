import type { Leaf } from './catalogue.ts';
import { fits, formatOf, fromText, mayBeEmpty } from './formats.ts';
import type { Problems } from './problems.ts';

/** One value that somebody gave, already of its setting's type and allowed. */
export interface Given {
  readonly leaf: Leaf;
  readonly value: unknown;
  /** Where it came from, in words: `file config.yaml`, `env ZMQ_PORT`, `flag --sinks`. */
  readonly origin: string;
}

/** Reads a value given as text; what is not allowed goes to the problems instead. */
export function givenText(leaf: Leaf, text: string, origin: string, problems: Problems): readonly Given[] {
  if (text === '' && !mayBeEmpty(leaf.setting)) {
    problems.add(leaf.path, 'is set but empty: unset it or give it a value', origin);
    return [];
  }
  return givenValue(leaf, fromText(formatOf(leaf.setting), text), origin, problems);
}

export function givenValue(leaf: Leaf, value: unknown, origin: string, problems: Problems): readonly Given[] {
  if (fits(leaf.setting, value)) return [{ leaf, value, origin }];
  problems.refuse(leaf, value, origin);
  return [];
}
