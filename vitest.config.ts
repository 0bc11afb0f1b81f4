import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const cores = availableParallelism();

/**
 * Kinds of test, by what they need: nothing, one real part (a store, a broker, an MCP peer), the whole topology, time, or
 * programs of other projects. `npm test` runs the first three, `npm run test:full` runs all. The kinds run one after another.
 */
export default defineConfig({
  test: {
    reporters: [
      'default',
      './test/support/notRunReporter.ts',
      './test/support/bridgingReporter.ts',
      ['json', { outputFile: '.local/test-results.json' }],
    ],
    // A flaky test is a fault to find, not to try again.
    retry: 0,
    // The files of one worker share its modules and the processes that tests start for all of them.
    isolate: false,
    restoreMocks: true,
    unstubEnvs: true,
    // With `--coverage`. Tests that start the apps as processes of their own add nothing to it.
    coverage: {
      include: ['functions/**/*.ts', 'shared/**/*.ts', 'infra/**/*.ts'],
      exclude: ['**/*.test.ts'],
      reporter: ['text-summary', 'json-summary'],
      reportsDirectory: '.local/coverage',
    },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'infra/*/test/unit/**/*.test.ts'],
          // Property tests run thousands of cases, and other processes may have the cores.
          testTimeout: 30_000,
          maxWorkers: cores,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts', 'infra/*/test/contract/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // These tests mostly wait for the other process.
          maxWorkers: cores + 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // These tests mostly wait. A topology is seven processes.
          maxWorkers: Math.min(cores, 4),
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'long',
          include: ['test/long/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/*.test.ts'],
          globalSetup: 'test/interop/install.ts',
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // One topology serves all files.
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
