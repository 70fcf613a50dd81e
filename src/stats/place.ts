import type { JsonObject } from '../wire/json.ts';

/** Where a record stands in its stream, as its id says. */
export interface Place {
  readonly stream: string;
  readonly epoch: number;
  readonly number: bigint;
  /** False: counted by the bridge, since the publisher sends no number. */
  readonly isNumbered: boolean;
  /** Of the events of a batch; -1 for the record of a whole one. Null for a control record that stands for no batch. */
  readonly index: number | null;
}

const shape = /^(n?)(\d{1,20})(?:\.(.+))?$/;

/** Null for what no bridge has written. */
export function placeOf({ id, stream, epoch }: JsonObject): Place | null {
  if (typeof id !== 'string' || typeof stream !== 'string' || typeof epoch !== 'number') return null;
  const start = `${stream}@${epoch}.`;
  const match = id.startsWith(start) ? shape.exec(id.slice(start.length)) : null;
  if (match === null) return null;
  const [, own, digits = '0', suffix] = match;
  return { stream, epoch, number: BigInt(digits), isNumbered: own === '', index: indexOf(suffix) };
}

function indexOf(suffix: string | undefined): number | null {
  if (suffix === undefined) return -1;
  if (suffix === 'EmptyBatch' || suffix === 'Undecodable') return 0;
  const digits = /^(\d{1,9})(?:\.Undecodable)?$/.exec(suffix)?.[1];
  return digits === undefined ? null : Number(digits);
}
