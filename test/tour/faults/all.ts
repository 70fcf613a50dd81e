import type { Fault } from '../fault.ts';
import { clockSkew, deadEngine, wrongPort, wrongTopic } from './engines.ts';

/** In the order in which the tour shows them. */
export const faults: readonly Fault[] = [wrongPort, wrongTopic, deadEngine, clockSkew];
