import { z } from 'zod';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { settingFindings } from './compareSettings.ts';
import { type DeployedTopology, lookAtTopology } from './topology.ts';
import { deploymentStepSchema, deploymentSteps } from './deploymentSteps.ts';
import { driftFindings } from './drift.ts';
import { type Environment, environments, readinessFindings } from './readiness.ts';
import { type RunningApp, lookAtApps } from './runningApps.ts';
import { summarise } from './summarise.ts';
import { visibleTenants } from '../../identity/access/tenants.ts';

/** The way to a deployment, from what is there now. */
export function productionDeployment(deps: SpecialistDeps): Task {
  return defineTask({
    name: 'production_deployment',
    permissions: ['system.read'],
    agent: 'mcp-deployment-specialist',
    description:
      'Makes the ordered plan of a deployment from what it finds: settings that are not ready, tables and queues that are missing, what each app runs now. Each step has its reason, its commands or calls, how to verify it and how to undo it. It deploys nothing itself.',
    timeoutMs: 25_000,
    input: z.strictObject({
      environment: z
        .enum(environments)
        .optional()
        .describe('What is to be deployed to; the environment that this runs in where it is absent.'),
    }),
    output: reportSchema.extend({
      environment: z.enum(environments),
      ready: z.boolean().describe('Whether nothing critical stands in the way.'),
      steps: z.array(deploymentStepSchema),
    }),
    async run({ environment = environmentOf(deps) }, helpers) {
      const { running, deployed, findings } = await lookAtAll(environment, deps, helpers);
      return succeed({
        summary: summarise(`The way to a deployment to ${environment}`, findings),
        environment,
        ready: !findings.some(({ severity }) => severity === 'critical'),
        steps: [...deploymentSteps({ environment, running, deployed, findings })],
        facts: {
          runsNow: running.map(({ app, instances: [first] }) => ({
            app,
            version: first?.version ?? null,
            build: first?.build ?? null,
          })),
          stateStore: deps.state.kind,
          tenants: visibleTenants(deps.config, helpers.tenantId).length,
        },
        findings: [...findings],
      });
    },
  });
}

export const environmentOf = ({ config }: Pick<SpecialistDeps, 'config'>): Environment =>
  config.localIssuer === undefined ? 'production' : 'local';

/** Everything that a deployment depends on, looked at once. */
export async function lookAtAll(
  environment: Environment,
  deps: SpecialistDeps,
  helpers: Pick<TaskHelpers, 'signal'>,
): Promise<{
  readonly running: readonly RunningApp[];
  readonly deployed: DeployedTopology;
  readonly findings: readonly Finding[];
}> {
  const [apps, topology] = await Promise.all([lookAtApps(deps, helpers), lookAtTopology(deps, helpers)]);
  const { running } = apps;
  const findings = [
    ...apps.findings,
    ...topology.findings,
    ...settingFindings(running),
    ...driftFindings(running),
    ...readinessFindings(environment, running, deps.config, deps.state.kind),
  ];
  return { running, deployed: topology.deployed, findings };
}
