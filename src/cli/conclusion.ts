import { BridgeError, messageOf } from '../core/errors.ts';
import type { Log } from '../telemetry/log.ts';
import type { Conclusion } from './supervision.ts';

export interface Ending {
  readonly log: Log;
  /** Of the bridge. */
  readonly name: string;
  /** Per sink, what became of all batches; see docs/metrics.md. */
  readonly accounting?: Readonly<Record<string, unknown>>;
}

/** The last log line and the exit code: 0 when everything was written and nothing failed. */
export function concluded(conclusion: Conclusion<ReadonlyMap<string, number>>, ending: Ending): number {
  const { log, name } = ending;
  const undelivered = Object.fromEntries([...conclusion.left].filter(([, records]) => records > 0));
  const isComplete = Object.keys(undelivered).length === 0;
  const accounting = ending.accounting === undefined ? {} : { accounting: ending.accounting };
  switch (conclusion.end) {
    case 'failed': {
      const { failure } = conclusion;
      const code = failure instanceof BridgeError ? failure.code : 'UNEXPECTED';
      log.fatal({ code, undelivered, ...accounting }, `stopped: ${messageOf(failure)}`);
      return 1;
    }
    case 'fenced':
      log.fatal({ code: 'FENCED', name, undelivered, ...accounting }, fencedSentence(name));
      return 1;
    case 'stopped':
      if (isComplete) log.info(accounting, 'stopped: nothing is left to write');
      else log.error({ undelivered, ...accounting }, unwrittenSentence);
      return isComplete ? 0 : 1;
  }
}

const unwrittenSentence = 'stopped before every record was written: the numbers say how many are missing per sink';

function fencedSentence(name: string): string {
  return (
    `stopped: FENCED: another bridge with the name ${JSON.stringify(name)} has taken over, and goes on where this one stood; ` +
    'give each bridge a name of its own (BRIDGE_NAME), or run one of the two as a standby (STANDBY=true), ' +
    'and supervised replicas with ON_FENCED=standby'
  );
}
