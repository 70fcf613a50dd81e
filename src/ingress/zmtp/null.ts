import type { Command } from './commands.ts';
import { commandFrame } from './commands.ts';
import type { Greeted, Mechanism, Step } from './mechanism.ts';
import { checkMechanism, dataOf, ownMetadata } from './mechanism.ts';

/** No security: both sides say READY, each as soon as it likes. */
export class Null implements Mechanism {
  readonly greeting = { mechanism: 'NULL', asServer: false };
  readonly ifSilent = null;
  readonly ifClosed = null;
  readonly #isReserved: boolean;

  /** `isReserved`: says READY only after the peer. */
  constructor(isReserved: boolean) {
    this.#isReserved = isReserved;
  }

  begin(peer: Greeted): Buffer | null {
    checkMechanism(this.greeting, peer);
    return this.#isReserved ? null : ready();
  }

  take(command: Command): Step {
    const metadata = dataOf(command, 'READY');
    return { say: this.#isReserved ? ready() : null, metadata };
  }
}

function ready(): Buffer {
  return commandFrame('READY', ownMetadata('SUB'));
}
