import type { Finding, FindingLevel } from './finding.ts';

/** What is the same for all findings of one code; docs/doctor.md has the same table and a test compares them. */
export interface FindingRow {
  readonly level: FindingLevel;
  readonly means: string;
  /** What to do, where no better remedy is known on the spot. Never null for a warning or a failure. */
  readonly remedy: string | null;
}

export interface FindingDetails {
  /** In place of the one in the table. */
  readonly remedy?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

export type Find<C extends string> = (code: C, subject: string, message: string, details?: FindingDetails) => Finding;

/** Makes findings of the codes of one table: nobody can report what the documentation does not know. */
export function finderOf<C extends string>(table: Readonly<Record<C, FindingRow>>): Find<C> {
  return (code, subject, message, { remedy, facts } = {}) => {
    const row = table[code];
    return {
      level: row.level,
      code,
      subject,
      message,
      remedy: remedy ?? row.remedy,
      ...(facts === undefined ? {} : { facts }),
    };
  };
}
