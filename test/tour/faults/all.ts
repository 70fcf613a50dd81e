import type { Fault } from '../fault.ts';
import { clockSkew, deadEngine, wrongPort, wrongTopic } from './engines.ts';
import { twoOfOneName } from './names.ts';
import { fullRedis, missingTopic, wrongPassword } from './stores.ts';

/** In the order in which the tour shows them. */
export const faults: readonly Fault[] = [
  wrongPort,
  wrongTopic,
  deadEngine,
  clockSkew,
  fullRedis,
  wrongPassword,
  missingTopic,
  twoOfOneName,
];
