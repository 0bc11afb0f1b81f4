import { z } from 'zod';
import { gateStatusKey } from '../../orchestration/engine/deploymentStatus.ts';
import { gatesOf } from '../../orchestration/plans/qualityGates.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { reportSchema } from '../finding.ts';
import { shown } from './azureContainerDeployment.ts';
import { settingFacts } from './compareSettings.ts';
import { look } from './look.ts';
import { environmentOf, lookAtAll } from './productionDeployment.ts';
import { summarise } from './summarise.ts';

const STATE_WITHIN_MS = 4_000;

/** All that the specialist can say of the deployment that it is part of. */
export function deploymentReport(deps: SpecialistDeps): Task {
  return defineTask({
    name: 'generate_deployment_report',
    permissions: ['system.read'],
    agent: 'mcp-deployment-specialist',
    description:
      'Reports on the deployment that runs: its instances and builds, its settings by name, its tables and queues beside the topology list, how the quality gates ended last, and what is amiss in any of that.',
    timeoutMs: 25_000,
    input: z.strictObject({}),
    output: reportSchema,
    async run(_, helpers) {
      const environment = environmentOf(deps);
      const [{ running, deployed, findings }, gates] = await Promise.all([
        lookAtAll(environment, deps, helpers),
        look('state_store', STATE_WITHIN_MS, helpers.signal, () => lastOfGates(helpers.tenantId, deps)),
      ]);
      return succeed({
        summary: summarise(`The ${environment} deployment`, findings),
        facts: {
          environment,
          apps: running.map(shown),
          settings: settingFacts(running),
          tables: deployed.tables ?? 'not seen',
          queues: deployed.queues ? Object.fromEntries(deployed.queues) : 'not seen',
          stateStore: deps.state.kind,
          gates: 'seen' in gates ? gates.seen : 'not seen',
        },
        findings: [...findings],
      });
    },
  });
}

/** How the newest run of each gate ended, of the last thirty days. */
async function lastOfGates(
  tenantId: string,
  { config, shortLived }: Pick<SpecialistDeps, 'config' | 'shortLived'>,
): Promise<Readonly<Record<string, string>>> {
  const known = Object.keys(gatesOf(config.qualityGates));
  const statuses = await Promise.all(
    known.map(
      async (gate) => [gate, (await shortLived.get(gateStatusKey(tenantId, gate))) ?? 'not run'] as const,
    ),
  );
  return Object.fromEntries(statuses);
}
