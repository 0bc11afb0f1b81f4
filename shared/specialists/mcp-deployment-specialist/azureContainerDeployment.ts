import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { reportSchema } from '../finding.ts';
import { driftFindings } from './drift.ts';
import { type RunningDeps, type RunningApp, lookAtApps } from './runningApps.ts';
import { summarise } from './summarise.ts';

/** What runs, and whether all of it is the same. */
export function azureContainerDeployment(deps: RunningDeps): Task {
  return defineTask({
    name: 'azure_container_deployment',
    permissions: ['system.read'],
    agent: 'mcp-deployment-specialist',
    description:
      'Says what runs: of each instance of both apps its version, build, runtime, host and when it started. Finds what has drifted: different builds in one app or between the two, instances with other settings, different runtimes.',
    timeoutMs: 20_000,
    input: z.strictObject({}),
    output: reportSchema,
    async run(_, helpers) {
      const { running, findings } = await lookAtApps(deps, helpers);
      const found = [...findings, ...driftFindings(running)];
      return succeed({
        summary: summarise('What runs', found),
        facts: { apps: running.map(shown) },
        findings: found,
      });
    },
  });
}

const MAX_SHOWN = 20;

/** An app and its instances, as reports show them. */
export const shown = ({ app, answers, instances }: RunningApp): Readonly<Record<string, unknown>> => ({
  app,
  answers,
  count: instances.length,
  instances: instances.slice(0, MAX_SHOWN).map(({ id, version, build, node, host, startedAt, seenAt }) => ({
    id,
    version,
    build,
    node,
    host,
    startedAt,
    seenAt,
  })),
});
