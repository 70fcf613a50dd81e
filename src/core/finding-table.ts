import type { Finding, FindingLevel } from './finding.ts';

/** What is the same for all findings of one code; docs/doctor.md has the same table and a test compares them. */
export type FindingRow = GoodRow | BadRow;

interface GoodRow {
  readonly level: Exclude<FindingLevel, 'warning' | 'failure'>;
  readonly means: string;
  /** What to do, where no better remedy is known on the spot. */
  readonly remedy: string | null;
}

interface BadRow {
  readonly level: 'warning' | 'failure';
  readonly means: string;
  readonly remedy: string;
  /** As in `Finding`. */
  readonly cause: string;
}

/** In place of what stands in the table. */
export interface FindingDetails {
  readonly remedy?: string;
  /** Counts for bad news only. */
  readonly cause?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

export type Find<C extends string> = (code: C, subject: string, message: string, details?: FindingDetails) => Finding;

/** Makes findings of the codes of one table: nobody can report what the documentation does not know. */
export function finderOf<C extends string>(table: Readonly<Record<C, FindingRow>>): Find<C> {
  return (code, subject, message, { remedy, cause, facts } = {}) => {
    const row: FindingRow = table[code];
    return {
      level: row.level,
      code,
      subject,
      message,
      remedy: remedy ?? row.remedy,
      cause: 'cause' in row ? (cause ?? row.cause) : null,
      ...(facts === undefined ? {} : { facts }),
    };
  };
}
