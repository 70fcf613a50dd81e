import type { Account, Incarnation, LedgerRecord } from './account.ts';
import { emptyAccount } from './account.ts';
import { EpochLedger, gapOf } from './epoch-ledger.ts';
import { withoutRepeats } from './repeats.ts';

/**
 * Compares what publishers say they published with what a sink holds, `record: event`, in the order of the sink. Each
 * topic is one stream; its incarnations come in the order of their lives. Per stream every published number must be
 * there with all its events, or inside a StreamGap, or behind the last number that a dead incarnation was heard with.
 */
export function keepLedger(incarnations: readonly Incarnation[], records: readonly LedgerRecord[]): Account {
  const account = emptyAccount();
  const lives = groupBy(incarnations, ({ topic }) => topic);
  const held = groupBy(records, ({ topic }) => topic);
  for (const topic of new Set([...lives.keys(), ...held.keys()])) {
    account.streams += 1;
    new StreamLedger(account, topic, lives.get(topic) ?? []).enter(held.get(topic) ?? []);
  }
  return account;
}

class StreamLedger {
  readonly #account: Account;
  readonly #topic: string;
  readonly #lives: readonly Incarnation[];

  constructor(account: Account, topic: string, lives: readonly Incarnation[]) {
    this.#account = account;
    this.#topic = topic;
    this.#lives = lives;
  }

  enter(records: readonly LedgerRecord[]): void {
    const account = this.#account;
    for (const { lines } of this.#lives) account.published += lines.length;
    const unique = withoutRepeats(records, account);
    if (this.#lives.length === 0) account.surplus.push(`${this.#topic}: ${unique.length} records of a strange stream`);
    account.records += unique.length;
    this.#checkOrder(unique);
    const epochs = [...groupBy(unique, ({ epoch }) => epoch).entries()];
    let nextLife = 0;
    for (const [index, [epoch, own]] of epochs.entries()) {
      const next = epochs[index + 1]?.[1];
      const life = lifeOf(own, this.#lives, nextLife);
      if (life === null) this.#enterStrange(epoch, own);
      else if (life !== 'silent') {
        this.#skip(nextLife, life);
        nextLife = life + 1;
        this.#enterEpoch(epoch, own, life, next);
      }
    }
    this.#skip(nextLife, this.#lives.length);
  }

  /** Incarnations that nobody heard: fine where others came after them. */
  #skip(from: number, to: number): void {
    const { unheard, missing } = { unheard: this.#lives.slice(from, to), missing: this.#account.missing };
    for (const { lines } of unheard) {
      const isLast = lines === this.#lives.at(-1)?.lines;
      if (isLast && lines.length > 0) missing.push(`${this.#topic}: the whole last incarnation (${lines.length})`);
      else this.#account.unheard += lines.length;
    }
  }

  #enterStrange(epoch: number, records: readonly LedgerRecord[]): void {
    const [first] = records;
    this.#account.surplus.push(`${this.#topic}: epoch ${epoch} repeats an incarnation or has none (${first?.id})`);
  }

  #enterEpoch(epoch: number, own: readonly LedgerRecord[], index: number, next: readonly LedgerRecord[] | undefined) {
    const life = this.#lives[index];
    if (life === undefined) return;
    const ledger = new EpochLedger(this.#account, life, `${this.#topic}@${epoch}`);
    const restart = next?.find(({ type }) => type === 'StreamRestarted');
    const isLast = index === this.#lives.length - 1;
    if (isLast && next !== undefined)
      this.#account.disorder.push(`${this.#topic}: ${epoch} lives, but is said to have ended`);
    if (next === undefined) ledger.enter(own, isLast ? 'all' : 'unknown');
    else if (restart?.previous_epoch !== epoch) {
      this.#account.disorder.push(`${this.#topic}: no StreamRestarted says that ${epoch} has ended`);
      ledger.enter(own, 'all');
    } else ledger.enter(own, restart.last_seq == null ? -1n : BigInt(restart.last_seq));
  }

  /** Numbers rise within an epoch, epochs rise, and the events of one number are there from the first to the last. */
  #checkOrder(records: readonly LedgerRecord[]): void {
    const { disorder } = this.#account;
    let before: LedgerRecord | undefined;
    for (const record of records) {
      if ((before === undefined) !== (record.type === 'StreamStarted'))
        disorder.push(`${record.id} is ${before ? 'not ' : ''}the first of its stream`);
      if (record.type === 'StreamRestarted') this.#account.restarts += 1;
      if (before !== undefined && !comesAfter(record, before)) disorder.push(`${record.id} behind ${before.id}`);
      before = record;
    }
  }
}

function comesAfter(record: LedgerRecord, before: LedgerRecord): boolean {
  if (record.epoch !== before.epoch) return record.epoch > before.epoch && record.type === 'StreamRestarted';
  const [seq, last] = [BigInt(record.seq ?? 0), gapOf(before)?.to ?? BigInt(before.seq ?? 0)];
  if (record.index === null) return seq >= last;
  const follows = before.index !== null && seq === last;
  return follows ? record.index === before.index + 1 : seq >= last && record.index === 0;
}

/** Which incarnation an epoch is: `silent` where it has no event to tell by, null where it is none from `first` on. */
function lifeOf(records: readonly LedgerRecord[], lives: readonly Incarnation[], first: number) {
  const events = records.filter(({ event }) => event !== undefined);
  const [sample] = events;
  if (sample === undefined) return records.some(({ type }) => type === 'StreamGap') ? null : 'silent';
  for (let index = first; index < lives.length; index += 1) {
    const isOwn = events.some(({ seq, ts }) =>
      lives[index]?.lines.some((line) => 'ts' in line && line.sequence === seq && line.ts === ts),
    );
    if (isOwn) return index;
  }
  return null;
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
