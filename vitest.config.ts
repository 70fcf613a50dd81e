import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // zeromq aborts the process when a worker thread ends with a pending receive: processes only.
    pool: 'forks',
    // Most of the time tests wait for servers: one more process than the two cores of a small machine.
    maxWorkers: 3,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // They end what hangs, and judge no speed: a loaded machine may be ten times as slow. Longer than a wait in a test,
    // which says what it has waited for.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000, interval: 20 } },
  },
});
