import { onTestFinished } from 'vitest';
import type { Program } from './bridge.ts';

/** Kills the program once the test that runs is over, however it ends. */
export function track<P extends Program>(program: P): P {
  onTestFinished(async () => void (await program.stop('SIGKILL')));
  return program;
}
