import * as z from 'zod';
import { visibleTenants } from '../../identity/access/tenants.ts';
import { gateStatusKey } from '../../orchestration/engine/deploymentStatus.ts';
import { agentNames, agents } from '../../orchestration/model/agents.ts';
import { gatesOf } from '../../orchestration/plans/qualityGates.ts';
import { defineTask, type Task, type TaskHelpers } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { tableNames } from '../../platform/config/topology.ts';
import { changeSchema, inspectChange } from '../deploymentChange.ts';
import type { SpecialistDeps } from '../deps.ts';
import { auditEvent, eventSchema } from '../eventHandlers.ts';
import { type Finding, hasCritical, reportSchema } from '../finding.ts';
import { inspectionsOf, summarise } from '../inspection.ts';
import { appRegistrationValidation } from './appRegistration.ts';
import { settingFacts, settingFindings } from './compareSettings.ts';
import { deploymentSteps, deploymentStepSchema } from './deploymentSteps.ts';
import { driftFindings } from './drift.ts';
import { type Environment, environments, readinessFindings } from './readiness.ts';
import { inspectApps, inspectPart, type RunningApp } from './runningApps.ts';
import { type DeployedTopology, inspectTopology } from './topology.ts';

const agent = 'mcp-deployment-specialist';
const { report } = inspectionsOf(agent);
const noInput = z.strictObject({});
const STATE_WITHIN_MS = 4_000;
const MAX_INSTANCES = 20;

/** The tasks of the mcp-deployment-specialist: settings, what is deployed, what runs, and how to deploy. */
export const deploymentTasks = (deps: SpecialistDeps): readonly Task[] => [
  report({
    name: 'environment_configuration',
    description:
      'Compares the settings of both running apps with the list of settings and with each other. Says where each setting is set and whether both apps have the same value, and finds settings that differ, are unknown, or are for development only. Never shows a value.',
    timeoutMs: 20_000,
    input: noInput,
    async inspect(_, helpers) {
      const { running, findings: found } = await inspectApps(deps, helpers);
      const findings = [...found, ...settingFindings(running)];
      const developmentOnly = running.flatMap(({ instances: [first] }) =>
        (first?.developmentOnly ?? []).map(({ setting }) => setting),
      );
      return {
        summary: summarise(findings, 'The settings of the two apps have no problems.'),
        facts: {
          settings: settingFacts(running),
          developmentOnly: [...new Set(developmentOnly)],
          apps: running.map(({ app, instances: [first] }) => ({
            app,
            host: first?.host ?? 'unknown',
            readAt: first?.startedAt ?? null,
          })),
        },
        findings,
      };
    },
  }),
  report({
    name: 'docker_orchestration',
    description:
      'Checks that both Function Apps, the tables and the queues exist; this gateway runs in no Docker containers. Compares what is deployed with the topology list: asks storage for its tables, Service Bus for each queue, and both apps whether they run. Names what is missing, what is there but not in the list, and the agents that no running app serves.',
    timeoutMs: 20_000,
    input: noInput,
    async inspect(_, helpers) {
      const [apps, topology] = await Promise.all([
        inspectApps(deps, helpers),
        inspectTopology(deps, helpers),
      ]);
      const findings = [...apps.findings, ...topology.findings];
      const { tables, queues } = topology.deployed;
      return {
        summary: summarise(findings, 'All tables, queues and apps of the topology list are there.'),
        facts: {
          tables: tables ? { listed: tableNames.length, ...tables } : 'not seen',
          queues: queues ? Object.fromEntries(queues) : 'not seen',
          agents: Object.fromEntries(agentNames.map((name) => [name, homeOf(name, apps.running, deps)])),
        },
        findings,
      };
    },
  }),
  report({
    name: 'azure_container_deployment',
    description:
      'Looks at the instances of both Function Apps, which this gateway has in place of containers. Lists version, build, runtime, host and start time of each instance. Finds drift: different builds in one app or between the two, instances with other settings, different runtimes.',
    timeoutMs: 20_000,
    input: noInput,
    async inspect(_, helpers) {
      const { running, findings: found } = await inspectApps(deps, helpers);
      const findings = [...found, ...driftFindings(running)];
      return {
        summary: summarise(findings, 'Both apps run, and without drift.'),
        facts: { apps: running.map(shownApp) },
        findings,
      };
    },
  }),
  defineTask({
    name: 'production_deployment',
    permissions: ['system.read'],
    agent,
    description:
      'Makes the ordered plan of a deployment from what it finds: settings that are not ready, tables and queues that are missing, what each app runs now. Each step has its reason, its commands or calls, how to verify it and how to undo it. The task itself deploys nothing: `npm run deploy` runs these steps from the first gate on, and undoes them when one fails.',
    timeoutMs: 25_000,
    input: z.strictObject({
      environment: z
        .enum(environments)
        .optional()
        .describe('The environment to deploy to; the one in which the task runs when absent.'),
    }),
    output: reportSchema.extend({
      environment: z.enum(environments),
      ready: z.boolean().describe('Whether no critical finding prevents the deployment.'),
      steps: z.array(deploymentStepSchema),
    }),
    async run({ environment = environmentOf(deps) }, helpers) {
      const { running, deployed, findings } = await inspectAll(environment, deps, helpers);
      return succeed({
        summary: summarise(findings, `Nothing prevents a deployment to ${environment}.`),
        environment,
        ready: !hasCritical(findings),
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
  }),
  appRegistrationValidation(deps),
  report({
    name: 'generate_deployment_report',
    description:
      'Reports on the running deployment: its instances and builds, its settings by name, its tables and queues compared with the topology list, the last status of each quality gate, and what is wrong in any of these.',
    timeoutMs: 25_000,
    input: noInput,
    async inspect(_, helpers) {
      const environment = environmentOf(deps);
      const [{ running, deployed, findings }, gates] = await Promise.all([
        inspectAll(environment, deps, helpers),
        inspectPart('state_store', STATE_WITHIN_MS, helpers.signal, () =>
          lastGateStatuses(helpers.tenantId, deps),
        ),
      ]);
      return {
        summary: summarise(findings, `The ${environment} deployment has no problems.`),
        facts: {
          environment,
          apps: running.map(shownApp),
          settings: settingFacts(running),
          tables: deployed.tables ?? 'not seen',
          queues: deployed.queues ? Object.fromEntries(deployed.queues) : 'not seen',
          stateStore: deps.state.kind,
          gates: 'seen' in gates ? gates.seen : 'not seen',
        },
        findings,
      };
    },
  }),
  defineTask({
    name: 'handle_deployment_status',
    permissions: ['system.read'],
    agent,
    description:
      'Inspects the run of a gate, the plan or the app that a deployment event is about, and what both apps run by now. Records in the audit trail whether that is in order.',
    timeoutMs: 25_000,
    input: eventSchema,
    output: changeSchema,
    async run(event, helpers) {
      const { record, afterMs } = auditEvent(agent, event, helpers, deps.audit);
      const [change, apps] = await Promise.all([
        inspectChange(event, helpers, deps),
        inspectApps(deps, helpers),
      ]);
      const findings = [...change.findings, ...apps.findings, ...driftFindings(apps.running)];
      record('events.deployment_status', hasCritical(findings) ? 'not_passed' : 'succeeded', change.subject);
      return succeed({ ...change, findings, recorded: true as const, afterMs });
    },
  }),
];

const environmentOf = ({ config }: Pick<SpecialistDeps, 'config'>): Environment =>
  config.localIssuer === undefined ? 'production' : 'local';

/** Inspects everything that a deployment depends on, all at once. */
async function inspectAll(
  environment: Environment,
  deps: SpecialistDeps,
  helpers: Pick<TaskHelpers, 'signal'>,
): Promise<{
  readonly running: readonly RunningApp[];
  readonly deployed: DeployedTopology;
  readonly findings: readonly Finding[];
}> {
  const [{ running, findings }, topology] = await Promise.all([
    inspectApps(deps, helpers),
    inspectTopology(deps, helpers),
  ]);
  return {
    running,
    deployed: topology.deployed,
    findings: [
      ...findings,
      ...topology.findings,
      ...settingFindings(running),
      ...driftFindings(running),
      ...readinessFindings(environment, running, deps.config, deps.state.kind),
    ],
  };
}

function homeOf(
  name: keyof typeof agents,
  running: readonly RunningApp[],
  { config }: Pick<SpecialistDeps, 'config'>,
) {
  if (config.externalAgents.has(name)) return { home: 'a worker elsewhere' };
  const home = running.find(({ app }) => app === agents[name]);
  return { home: agents[name], alive: home !== undefined && (home.answers || home.instances.length > 0) };
}

/** An app and its instances, as reports show them. */
const shownApp = ({ app, answers, instances }: RunningApp) => ({
  app,
  answers,
  count: instances.length,
  instances: instances
    .slice(0, MAX_INSTANCES)
    .map(({ id, version, build, node, host, startedAt, seenAt }) => ({
      id,
      version,
      build,
      node,
      host,
      startedAt,
      seenAt,
    })),
});

/** Returns how the newest run of each gate ended, within the last thirty days. */
async function lastGateStatuses(
  tenantId: string,
  { config, shortLived }: Pick<SpecialistDeps, 'config' | 'shortLived'>,
): Promise<Readonly<Record<string, string>>> {
  const statuses = await Promise.all(
    Object.keys(gatesOf(config.qualityGates)).map(
      async (gate) => [gate, (await shortLived.get(gateStatusKey(tenantId, gate))) ?? 'not run'] as const,
    ),
  );
  return Object.fromEntries(statuses);
}
