import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // zeromq aborts the process when a worker thread ends with a pending receive: processes only.
    pool: 'forks',
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
