import { isDeepStrictEqual } from 'node:util';
import type { Account, LedgerRecord } from './account.ts';

/** What may differ between two deliveries of one record. */
const volatile = { received_at: undefined, origin: undefined };

/** The first of each id; counts the others, and complains where they are not the same document. */
export function withoutRepeats(
  records: readonly LedgerRecord[],
  account: Pick<Account, 'duplicates' | 'altered'>,
): LedgerRecord[] {
  const seen = new Map<string, LedgerRecord>();
  return records.filter((record) => {
    const first = seen.get(record.id);
    if (first === undefined) {
      seen.set(record.id, record);
      return true;
    }
    account.duplicates += 1;
    if (!isDeepStrictEqual({ ...first, ...volatile }, { ...record, ...volatile }))
      account.altered.push(`${record.id} stands for two documents: ${differenceOf(first, record)}`);
    return false;
  });
}

function differenceOf(first: LedgerRecord, second: LedgerRecord): string {
  const [one, other] = [first, second] as unknown as Record<string, unknown>[];
  const names = Object.keys({ ...one, ...other }).filter((name) => !(name in volatile));
  const different = names.filter((name) => !isDeepStrictEqual(one?.[name], other?.[name]));
  const excerpt = (value: unknown) => (JSON.stringify(value) ?? 'absent').slice(0, 60);
  return different.map((name) => `${name} ${excerpt(one?.[name])} and ${excerpt(other?.[name])}`).join(', ');
}
