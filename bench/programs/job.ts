import type { Address } from '../targets/target.ts';

/** What a program of the bench is told, as JSON in its only argument. */
export interface Job {
  readonly port: number;
  readonly address: Address;
  readonly profile: string;
  readonly streams: number;
  /** Of each stream. */
  readonly batches: number;
  /** The first of them, sent before the others, while the process warms up. */
  readonly warmUp: number;
}

export function readJob(): Job {
  return JSON.parse(process.argv[2] ?? '') as Job;
}
