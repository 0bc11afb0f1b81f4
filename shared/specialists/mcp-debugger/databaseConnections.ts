import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { reportSchema } from '../finding.ts';
import { lookAtStores } from '../checkStores.ts';

/** What is wrong between this app and its stores. */
export const databaseConnections = (deps: SpecialistDeps): Task =>
  defineTask({
    name: 'database_connection_issues',
    permissions: ['system.read'],
    agent: 'mcp-debugger',
    description:
      'Reads from every table and writes, reads and removes a value of the short-lived state (Redis, or a table), and says of each that fails whether it is unreachable, refuses, hangs, does not let the app in, is missing or is busy.',
    timeoutMs: 10_000,
    input: z.strictObject({}),
    output: reportSchema,
    async run(_, { signal }) {
      const { facts, findings } = await lookAtStores(deps, signal);
      return succeed({
        summary:
          findings[0] === undefined
            ? 'All tables and the short-lived state answer.'
            : `${findings.length} of the stores fail; the first: ${findings[0].message}.`,
        facts,
        findings: [...findings],
      });
    },
  });
