import { Random } from '../../src/simulator/random.ts';

/** How much a test does: short by default, long by environment variables; `npm run campaign -- --help` has them all. */
export function setting(name: string, otherwise: number): number {
  const text = process.env[name] ?? '';
  if (text === '') return otherwise;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name}=${text} is no number`);
  return value;
}

/** The same seed gives the same faults at the same moments, as far as processes allow. */
export const seed = setting('CAMPAIGN_SEED', 1);

export function chance(salt: number): Random {
  return new Random(seed * 1_000 + salt);
}

/** Publishers per campaign, and batches per second of each. */
export const publishers = setting('CAMPAIGN_PUBLISHERS', 2);
export const rate = setting('CAMPAIGN_RATE', 150);
