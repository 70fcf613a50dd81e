import type { TruthLine } from '../../src/simulator/truth.ts';
import type { StoredRecord } from '../e2e/records.ts';

/** One life of a publisher, from start to end: what it says it published, in order. */
export interface Incarnation {
  readonly topic: string;
  readonly lines: readonly TruthLine[];
  /** It was killed: it may have sent one batch more than it had time to write down. */
  readonly killed?: boolean;
}

/** A record as a sink holds it. */
export interface LedgerRecord extends StoredRecord {
  /** Of `StreamRestarted`. */
  readonly previous_epoch?: number;
  readonly last_seq?: string | null;
}

/** What comparing what was published with what a sink holds comes to. Texts name what they complain about. */
export interface Account {
  streams: number;
  /** Numbers that were published, over all streams and incarnations. */
  published: number;
  /** Numbers of which every event is there. */
  delivered: number;
  /** Records, repeated ones not counted. */
  records: number;
  /** Epochs that `StreamRestarted` began. */
  restarts: number;
  /** Records that stand there again. */
  duplicates: number;
  /** Numbers of dead incarnations behind the last that the bridge heard, as `StreamRestarted` says. */
  unheard: number;
  /** Published, not delivered, and in no StreamGap. */
  readonly missing: string[];
  /** Published, not delivered, in a StreamGap. */
  readonly gaps: string[];
  /** In a StreamGap, but delivered or never published. */
  readonly falseGaps: string[];
  /** Out of order. */
  readonly disorder: string[];
  /** Two documents under one id, or another event than was published. */
  readonly altered: string[];
  /** Delivered, but never published. */
  readonly surplus: string[];
}

export function emptyAccount(): Account {
  return {
    ...{ streams: 0, published: 0, delivered: 0, records: 0, restarts: 0, duplicates: 0, unheard: 0 },
    ...{ missing: [], gaps: [], falseGaps: [], disorder: [], altered: [], surplus: [] },
  };
}

export interface Demand {
  /** Numbers that must have been delivered at least: a run that did nothing proves nothing. */
  readonly atLeast: number;
  /** Whether a record may be there twice. */
  readonly duplicates: 'none' | 'allowed';
  /** StreamGap records are right only where nobody could have filled them. */
  readonly gaps?: 'none' | 'allowed';
  /** `StreamRestarted` records, exactly. */
  readonly restarts?: number;
}

/** Throws where the account does not keep what was promised; the message has the beginning of each complaint. */
export function demand(account: Account, { atLeast, duplicates, gaps = 'none', restarts }: Demand): void {
  const complaints = [
    ...complaint('missing', account.missing),
    ...complaint('false gaps', account.falseGaps),
    ...complaint('out of order', account.disorder),
    ...complaint('altered', account.altered),
    ...complaint('never published', account.surplus),
    ...(gaps === 'none' ? complaint('in gaps', account.gaps) : []),
  ];
  if (duplicates === 'none' && account.duplicates > 0) complaints.push(`${account.duplicates} records twice`);
  if (account.delivered < atLeast) complaints.push(`only ${account.delivered} numbers delivered, ${atLeast} wanted`);
  if (restarts !== undefined && account.restarts !== restarts)
    complaints.push(`${account.restarts} restarts on record, ${restarts} wanted`);
  if (complaints.length > 0) throw new Error(`the ledger does not add up:\n${complaints.join('\n')}`);
}

function complaint(what: string, found: readonly string[]): string[] {
  if (found.length === 0) return [];
  const more = found.length > 8 ? `, and ${found.length - 8} more` : '';
  return [`${found.length} ${what}: ${found.slice(0, 8).join('; ')}${more}`];
}

/** The account in one line, for the log of a campaign. */
export function summary(account: Account): string {
  const { streams, published, delivered, duplicates, unheard, restarts, missing, gaps } = account;
  return `${delivered} of ${published} numbers of ${streams} streams, missing ${missing.length}, gaps ${gaps.length}, duplicates ${duplicates}, restarts ${restarts}, unheard ${unheard}`;
}
