import type { Job } from '../programs/job.ts';
import type { Running } from './running.ts';

/** Something that is measured. */
export interface Candidate {
  readonly name: string;
  /** One line for the report. */
  readonly what: string;
  /** False for what needs no load: it makes its own. */
  readonly receives: boolean;
  /** False for what delivers no records: there is nothing to check but the one line it prints. */
  readonly delivers: boolean;
  /** Records of one stream beyond those of the events. */
  readonly extraRecords: number;
  /** Resolves when it listens (or has made what it will send). */
  start(job: Job): Promise<Running>;
}
