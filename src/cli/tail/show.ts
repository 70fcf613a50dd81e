import { hideTokens } from '../../wire/hide-tokens.ts';
import type { JsonObject } from '../../wire/json.ts';
import { prettyRecord } from '../../wire/pretty.ts';
import type { Output } from '../output.ts';
import type { Filter } from './filter.ts';
import { passes } from './filter.ts';

export interface ShowOptions {
  readonly filter: Filter;
  /** Records to show at most; null: no limit. */
  readonly count: number | null;
  readonly tokens: boolean;
  readonly pretty: boolean;
  readonly colour: boolean;
  /** For what is no record. */
  readonly complain: (message: string) => void;
}

/** Takes a record as it is stored; says whether more is wanted. */
export type Take = (text: string, place: string) => Promise<boolean>;

/** Shows the records that pass the filter, until there are enough or nobody reads any more. */
export class Show {
  readonly #output: Output;
  readonly #options: ShowOptions;
  #shown = 0;

  constructor(output: Output, options: ShowOptions) {
    this.#output = output;
    this.#options = options;
  }

  readonly take: Take = async (text, place) => {
    const { filter, complain } = this.#options;
    if (!this.#isOpen) return false;
    const record = parse(text);
    if (record === null) {
      complain(`${place} holds no record`);
    } else if (record['type'] === 'TailSkipped' || passes(record, filter)) {
      await this.#output.write(this.#lineOf(record, text));
      if (record['type'] !== 'TailSkipped') this.#shown += 1;
    }
    return this.#isOpen;
  };

  get #isOpen(): boolean {
    return !this.#output.gone.aborted && this.#shown < (this.#options.count ?? Number.POSITIVE_INFINITY);
  }

  #lineOf(record: JsonObject, text: string): string {
    const { pretty, colour, tokens } = this.#options;
    if (!pretty) return `${tokens ? text : JSON.stringify(hideTokens(record))}\n`;
    // Not a record: the bridge says what it could not pass on.
    if (record['type'] === 'TailSkipped')
      return `... ${record['skipped']} records skipped: they came faster than they were read\n`;
    return prettyRecord(record, { colour, tokens });
  }
}

function parse(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}
