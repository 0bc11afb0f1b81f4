import { z } from 'zod';
import { queueSettings, tableNames } from '../../platform/config/topology.ts';
import type { Finding } from '../finding.ts';
import { type DeployedTopology, missingQueues } from './topology.ts';
import type { Environment } from './readiness.ts';
import type { RunningApp } from './runningApps.ts';

export const deploymentStepSchema = z.object({
  order: z.int(),
  id: z.string(),
  title: z.string(),
  reason: z.string().describe('Why it is in the plan, and why here.'),
  run: z.array(z.string()).describe('Commands, calls of the management API or settings, in their order.'),
  verify: z.string(),
  undo: z.string(),
});
export type DeploymentStep = z.infer<typeof deploymentStepSchema>;
type Step = Omit<DeploymentStep, 'order'>;

/** What was seen of the system that is to be deployed to. */
export interface Seen {
  readonly environment: Environment;
  readonly running: readonly RunningApp[];
  readonly deployed: DeployedTopology;
  readonly findings: readonly Finding[];
}

/** The steps of a deployment in their order: what everything stands on, the gate, the apps, the gates after them. */
export function deploymentSteps(seen: Seen): readonly DeploymentStep[] {
  const steps = [
    ...settingsStep(seen),
    ...tablesStep(seen),
    ...queuesStep(seen),
    gateStep('pre_deployment', 'What the apps stand on is well before anything is changed.'),
    build,
    ...(seen.environment === 'local' ? [startLocally] : [deploy('mcp', seen), deploy('management', seen)]),
    sameBuild,
    gateStep('post_deployment', 'Both apps work together, with what they stand on.'),
    ...(seen.environment === 'production'
      ? [gateStep('security_validation', 'People rely on it from now on.')]
      : []),
  ];
  return steps.map((step, index) => ({ order: index + 1, ...step }));
}

/** Settings that are not ready, each by its own finding. */
function settingsStep({ findings, environment }: Seen): readonly Step[] {
  const named = findings.filter(
    ({ severity, evidence }) => severity !== 'info' && typeof evidence['setting'] === 'string',
  );
  if (named.length === 0) return [];
  const names = [...new Set(named.map(({ evidence }) => String(evidence['setting'])))];
  return [
    {
      id: 'settings',
      title: `Correct ${names.join(', ')}`,
      reason: `${named.length} findings on settings; an app whose settings are wrong does not start in ${environment}.`,
      run: named.map(({ remedy }) => remedy),
      verify: 'The task environment_configuration finds nothing; both apps have started.',
      undo: 'Give the settings the values that they had, and restart the apps.',
    },
  ];
}

function tablesStep({ deployed, environment }: Seen): readonly Step[] {
  const missing = deployed.tables ? deployed.tables.missing : tableNames;
  if (missing.length === 0) return [];
  return [
    {
      id: 'tables',
      title: `Create ${missing.length} tables`,
      reason: deployed.tables
        ? `They are in the topology list and not in storage: ${missing.join(', ')}. The apps create none.`
        : 'Storage could not be asked for its tables, so each is created unless it is there.',
      run:
        environment === 'local'
          ? ['npm start']
          : missing.map(
              (name) => `az storage table create --name ${name} --account-name <account> --auth-mode login`,
            ),
      verify: 'The task docker_orchestration finds no table_missing.',
      undo: 'A table that is empty can be deleted; one that has rows is left.',
    },
  ];
}

function queuesStep({ deployed, environment }: Seen): readonly Step[] {
  const missing = missingQueues(deployed);
  if (missing.length === 0) return [];
  const { lockDurationSeconds, maxDeliveryCount, duplicateDetectionWindowSeconds, defaultTimeToLiveSeconds } =
    queueSettings;
  const options = [
    `--lock-duration PT${lockDurationSeconds}S`,
    `--max-delivery-count ${maxDeliveryCount}`,
    '--enable-duplicate-detection true',
    `--duplicate-detection-history-time-window PT${duplicateDetectionWindowSeconds}S`,
    `--default-message-time-to-live PT${defaultTimeToLiveSeconds}S`,
  ].join(' ');
  return [
    {
      id: 'queues',
      title: `Create ${missing.length} queues`,
      reason: `They are in the topology list and not in Service Bus: ${missing.join(', ')}. Duplicate detection cannot be turned on later.`,
      run:
        environment === 'local'
          ? ['npm start']
          : missing.map(
              (name) =>
                `az servicebus queue create --resource-group <group> --namespace-name <namespace> --name ${name} ${options}`,
            ),
      verify: 'The task docker_orchestration finds no queue_missing.',
      undo: 'Delete the queues that were created, unless messages wait in them.',
    },
  ];
}

const gateStep = (gate: string, reason: string): Step => ({
  id: gate,
  title: `Run the gate ${gate}`,
  reason,
  run: [`POST /quality-gates/${gate}/runs?wait=30`],
  verify: 'Its status is passed. Where it failed, failedCheck names the check to look into.',
  undo:
    gate === 'pre_deployment'
      ? 'It changes nothing. Where it failed, do not go on.'
      : 'Where it failed, deploy the build that ran before: the management app first, then the mcp app.',
});

const build: Step = {
  id: 'build',
  title: 'Build one package for both apps',
  reason:
    'The settings of two apps can be compared, and their builds are one, when they come from one package.',
  run: ['npm ci', 'npm run build'],
  verify: 'dist/build.json names the build that is to run.',
  undo: 'Nothing runs from it yet.',
};

const startLocally: Step = {
  id: 'start',
  title: 'Start both apps with what they stand on',
  reason:
    'On one machine everything starts together, in the right order, from the list that a deployment follows too.',
  run: ['npm start'],
  verify: 'It prints a line that starts with Ready.',
  undo: 'Ctrl+C stops all of it; what it keeps is in .local.',
};

const order = {
  mcp: 'First: it reads what the management app writes, records and messages, so it has to know a new form of them before the first is written.',
  management:
    'After the mcp app, which by now reads whatever this one writes. What was sent meanwhile waits in the queues.',
} as const;

function deploy(app: 'mcp' | 'management', { running }: Seen): Step {
  const now = running.find((candidate) => candidate.app === app);
  const newest = now?.instances[0];
  const runs = newest ? `It runs build ${newest.build}, version ${newest.version}.` : 'None is running now.';
  const back = newest ? `the package of build ${newest.build}` : 'nothing: stop the app';
  return {
    id: `deploy_${app}`,
    title: `Deploy the package to the ${app} app`,
    reason: `${order[app]} ${runs}`,
    run: [`func azure functionapp publish <${app} app>`],
    verify: `GET /health of the ${app} app answers 200, and the task azure_container_deployment names the new build.`,
    undo:
      app === 'mcp'
        ? `Publish ${back}, after the management app has gone back.`
        : `Publish ${back}, before the mcp app goes back.`,
  };
}

const sameBuild: Step = {
  id: 'same_build',
  title: 'See that both apps run the new build, and nothing else does',
  reason: 'An instance that has not ended yet still works with the code of before.',
  run: ['POST /delegations?wait=30 {"taskType": "azure_container_deployment"}'],
  verify:
    'It finds neither apps_run_different_builds nor two_builds_in_one_app, and both builds are that of dist/build.json.',
  undo: 'It changes nothing.',
};
