import { defineConfig } from 'vitest/config';

/** Kinds of test, by what they need: nothing, one real part (a store, a broker, an MCP peer), the whole topology. */
export default defineConfig({
  test: {
    reporters: [
      'default',
      './test/support/notRunReporter.ts',
      ['json', { outputFile: '.local/test-results.json' }],
    ],
    // A flaky test is a fault to find, not to try again.
    retry: 0,
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
