import { createRequire } from 'node:module';
import { expect, it } from 'vitest';

const load = createRequire(import.meta.url);

it('is the version of kafkajs whose inside inside.ts, fetch.ts and quiet.ts were written for', () => {
  const { version } = load('kafkajs/package.json') as { version: string };
  const { dependencies } = load('../../../package.json') as { dependencies: Record<string, string> };
  expect(version).toBe('2.2.4');
  expect(dependencies['kafkajs'], 'pinned exactly').toBe(version);
});
