import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // zeromq aborts the process when a worker thread ends with a pending receive: processes only.
    pool: 'forks',
    // Most of the time tests wait for servers: one more process than the two cores of a small machine.
    maxWorkers: 3,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
