import { isDeepStrictEqual } from 'node:util';
import type { PublishedLine, TruthLine } from '../../src/simulator/truth.ts';
import type { Account, Incarnation, LedgerRecord } from './account.ts';

interface Gap {
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * How far an incarnation was heard: all of it; up to a number (-1: nothing); or, where it has died and the bridge has not
 * learned of it yet, as far as there are records of it.
 */
type Heard = bigint | 'all' | 'unknown';

/** One incarnation and the records of its epoch, each once and in order. */
export class EpochLedger {
  readonly #account: Account;
  readonly #life: Incarnation;
  readonly #name: string;
  readonly #byNumber = new Map<bigint, LedgerRecord[]>();
  readonly #gaps: Gap[] = [];

  constructor(account: Account, life: Incarnation, name: string) {
    this.#account = account;
    this.#life = life;
    this.#name = name;
  }

  enter(records: readonly LedgerRecord[], heard: Heard): void {
    for (const record of records) this.#sort(record);
    const last = this.#lastHeard(heard);
    for (const line of this.#life.lines) this.#enterLine(line, last);
    this.#checkGaps();
    this.#checkSurplus();
  }

  #sort(record: LedgerRecord): void {
    const gap = gapOf(record);
    if (gap !== undefined) this.#gaps.push(gap);
    if (record.type === 'Undecodable') this.#account.surplus.push(`${record.id}, which no engine here publishes`);
    if (record.event === undefined || record.seq === null) return;
    const number = BigInt(record.seq);
    const own = this.#byNumber.get(number);
    if (own === undefined) this.#byNumber.set(number, [record]);
    else own.push(record);
  }

  #lastHeard(heard: Heard): bigint | null {
    if (heard === 'all') return null;
    if (heard !== 'unknown') return heard;
    const numbers = [...this.#byNumber.keys(), ...this.#gaps.map(({ to }) => to)];
    return numbers.reduce((last, number) => (number > last ? number : last), -1n);
  }

  #enterLine(line: TruthLine, last: bigint | null): void {
    const number = BigInt(line.sequence);
    const where = `${this.#name}.${number}`;
    const records = this.#byNumber.get(number);
    if (last !== null && number > last) {
      this.#account.unheard += 1;
      if (records !== undefined) this.#account.surplus.push(`${where}, though ${last} was the last heard`);
    } else if (records !== undefined && 'events' in line) this.#enterBatch(line, records);
    else if (!this.#isInGap(number)) this.#account.missing.push(where);
    else if ('events' in line) this.#account.gaps.push(where);
  }

  #enterBatch(line: PublishedLine, records: readonly LedgerRecord[]): void {
    const found = records.map(({ type, ts, event }) => ({ type, ts, ...event }));
    const wanted = line.events.map((event) => ({ ts: line.ts, ...event }));
    const where = `${this.#name}.${line.sequence}`;
    if (found.length < wanted.length) this.#account.missing.push(`${where}: ${found.length} of ${wanted.length}`);
    else if (!isDeepStrictEqual(found, wanted)) this.#account.altered.push(`${where} is not what was published`);
    else this.#account.delivered += 1;
  }

  #checkGaps(): void {
    const published = new Set(this.#life.lines.map(({ sequence }) => BigInt(sequence)));
    for (const { from, to } of this.#gaps) {
      for (let number = from; number <= to; number += 1n) {
        const where = `${this.#name}.${number}`;
        if (this.#byNumber.has(number)) this.#account.falseGaps.push(`${where} was delivered`);
        else if (!published.has(number) && number !== this.#unwritten())
          this.#account.falseGaps.push(`${where} was never published`);
      }
    }
  }

  #checkSurplus(): void {
    const published = new Set(this.#life.lines.map(({ sequence }) => BigInt(sequence)));
    for (const number of this.#byNumber.keys()) {
      if (!published.has(number) && number !== this.#unwritten()) this.#account.surplus.push(`${this.#name}.${number}`);
    }
  }

  /** The number that a killed publisher may have sent without writing it down. */
  #unwritten(): bigint | undefined {
    return this.#life.killed ? BigInt(this.#life.lines.at(-1)?.sequence ?? -1) + 1n : undefined;
  }

  #isInGap(number: bigint): boolean {
    return this.#gaps.some(({ from, to }) => from <= number && number <= to);
  }
}

export function gapOf({ type, from_seq, to_seq }: LedgerRecord): Gap | undefined {
  if (type !== 'StreamGap' || from_seq == null || to_seq == null) return undefined;
  return { from: BigInt(from_seq), to: BigInt(to_seq) };
}
