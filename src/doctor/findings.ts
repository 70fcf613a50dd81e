import type { FindingRow } from '../core/finding-table.ts';
import { bridgeFindings } from './bridge-findings.ts';
import { endpointFindings } from './endpoint-findings.ts';
import { replayFindings } from './replay-findings.ts';
import { streamFindings } from './stream-findings.ts';

/** Every finding that does not come from a sink, by code. */
export const doctorFindings: Readonly<Record<string, FindingRow>> = {
  ...endpointFindings,
  ...streamFindings,
  ...replayFindings,
  ...bridgeFindings,
};
