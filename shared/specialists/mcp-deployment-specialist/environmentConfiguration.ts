import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { reportSchema } from '../finding.ts';
import { settingFacts, settingFindings } from './compareSettings.ts';
import { type RunningDeps, lookAtApps } from './runningApps.ts';
import { summarise } from './summarise.ts';

/** The settings of both apps, by name: what is set, what is unknown, what differs. */
export function environmentConfiguration(deps: RunningDeps): Task {
  return defineTask({
    name: 'environment_configuration',
    permissions: ['system.read'],
    agent: 'mcp-deployment-specialist',
    description:
      'Holds the settings of both running apps against the list of settings and against each other: says of each where it is set and whether both apps have the same value, and finds those that differ, that there are not, or that are for development only. Never tells a value.',
    timeoutMs: 20_000,
    input: z.strictObject({}),
    output: reportSchema,
    async run(_, helpers) {
      const { running, findings } = await lookAtApps(deps, helpers);
      const found = [...findings, ...settingFindings(running)];
      return succeed({
        summary: summarise('The settings of the two apps', found),
        facts: {
          settings: settingFacts(running),
          developmentOnly: [
            ...new Set(
              running.flatMap(({ instances: [first] }) =>
                (first?.developmentOnly ?? []).map(({ setting }) => setting),
              ),
            ),
          ],
          apps: running.map(({ app, instances: [first] }) => ({
            app,
            host: first?.host ?? 'unknown',
            readAt: first?.startedAt ?? null,
          })),
        },
        findings: found,
      });
    },
  });
}
