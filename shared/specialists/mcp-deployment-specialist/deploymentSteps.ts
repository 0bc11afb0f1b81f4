import * as z from 'zod';
import { queueSettings, tableNames } from '../../platform/config/topology.ts';
import type { Finding } from '../finding.ts';
import type { Environment } from './readiness.ts';
import type { RunningApp } from './runningApps.ts';
import { type DeployedTopology, missingQueues } from './topology.ts';

export const deploymentStepSchema = z.object({
  order: z.int(),
  id: z.string(),
  title: z.string(),
  reason: z.string().describe('Why it is in the plan, and why here.'),
  run: z.array(z.string()).describe('Commands, calls of the management API or settings, in their order.'),
  verify: z.string(),
  undo: z.string(),
});
type DeploymentStep = z.infer<typeof deploymentStepSchema>;
type Step = Omit<DeploymentStep, 'order'>;

/** What was seen of the system to deploy to. */
export interface Seen {
  readonly environment: Environment;
  readonly running: readonly RunningApp[];
  readonly deployed: DeployedTopology;
  readonly findings: readonly Finding[];
}

/** Returns the steps of a deployment in order: settings, tables and queues, a gate, the apps, and the gates after them. */
export function deploymentSteps(seen: Seen): readonly DeploymentStep[] {
  const steps = [
    ...settingsStep(seen),
    ...tablesStep(seen),
    ...queuesStep(seen),
    gateStep('pre_deployment', 'Settings, stores and queues must be in order before anything is changed.'),
    build,
    ...(seen.environment === 'local' ? [startLocally] : [deploy('mcp', seen), deploy('management', seen)]),
    sameBuild,
    gateStep('post_deployment', 'Both apps must work together, and with their stores and queues.'),
    ...(seen.environment === 'production'
      ? [gateStep('security_validation', 'Users rely on the gateway from now on.')]
      : []),
  ];
  return steps.map((step, index) => ({ order: index + 1, ...step }));
}

/** Settings that are not ready, one command for each finding. */
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
      reason: `There are ${named.length} findings about settings. An app with invalid settings does not start in ${environment}.`,
      run: named.map(({ remedy }) => remedy),
      verify: 'The task environment_configuration finds nothing; both apps have started.',
      undo: 'Restore the previous values of the settings, and restart the apps.',
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
        ? `They are in the topology list and not in storage: ${missing.join(', ')}. The apps create no tables.`
        : 'Storage did not list its tables, so the step creates every table that does not exist.',
      run:
        environment === 'local'
          ? ['npm start']
          : missing.map(
              (name) => `az storage table create --name ${name} --account-name <account> --auth-mode login`,
            ),
      verify: 'The task docker_orchestration finds no table_missing.',
      undo: 'Delete the tables that are still empty. Keep those that have rows.',
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
  verify: 'Its status is passed. If it failed, failedCheck names the check to read.',
  undo:
    gate === 'pre_deployment'
      ? 'It changes nothing. If it failed, stop here.'
      : 'If it failed, deploy the previous build: the management app first, then the mcp app.',
});

const build: Step = {
  id: 'build',
  title: 'Build one package for both apps',
  reason: 'With one package, both apps run the same build and their settings can be compared.',
  run: ['npm ci', 'npm run package'],
  verify: 'out/package/dist/build.json names the new build.',
  undo: 'It changes nothing that runs.',
};

const startLocally: Step = {
  id: 'start',
  title: 'Start both apps with their stores and queues',
  reason: 'On one machine everything starts together and in the right order, from the topology list.',
  run: ['npm start'],
  verify: 'It prints a line that starts with Ready.',
  undo: 'Ctrl+C stops everything; the data is in .local.',
};

const order = {
  mcp: 'First: it reads the records and messages of the management app, so it must know their new form before the first one is written.',
  management:
    'After the mcp app, which can now read the new form. Messages that were sent in the meantime wait in the queues.',
} as const;

function deploy(app: 'mcp' | 'management', { running }: Seen): Step {
  const now = running.find((candidate) => candidate.app === app);
  const newest = now?.instances[0];
  const runs = newest ? `It runs build ${newest.build}, version ${newest.version}.` : 'None is running now.';
  const back = newest ? `Deploy the package of build ${newest.build}` : 'Stop the app';
  return {
    id: `deploy_${app}`,
    title: `Deploy the package to the ${app} app`,
    reason: `${order[app]} ${runs}`,
    run: [`azd deploy ${app}`],
    verify: `GET /health of the ${app} app answers 200, and the task azure_container_deployment names the new build.`,
    undo: app === 'mcp' ? `${back}, after the management app.` : `${back}, before the mcp app.`,
  };
}

const sameBuild: Step = {
  id: 'same_build',
  title: 'Check that both apps run the new build, and no instance runs another',
  reason: 'An instance that has not ended yet still runs the previous code.',
  run: ['POST /delegations?wait=30 {"taskType": "azure_container_deployment"}'],
  verify:
    'It finds neither apps_run_different_builds nor two_builds_in_one_app, and both builds are that of out/package/dist/build.json.',
  undo: 'It changes nothing.',
};
