import { z } from 'zod';
import { agentNames, agents } from '../../orchestration/model/agents.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { tableNames } from '../../platform/config/topology.ts';
import type { SpecialistDeps } from '../deps.ts';
import { reportSchema } from '../finding.ts';
import { type TopologyDeps, lookAtTopology } from './topology.ts';
import { type RunningDeps, type RunningApp, lookAtApps } from './runningApps.ts';
import { summarise } from './summarise.ts';

/** What is deployed, beside the list of what is to be. */
export function dockerOrchestration(deps: RunningDeps & TopologyDeps): Task {
  return defineTask({
    name: 'docker_orchestration',
    permissions: ['system.read'],
    agent: 'mcp-deployment-specialist',
    description:
      'Holds what is deployed against the topology list: asks storage for its tables, Service Bus for each queue, and both apps whether they run. Names what is missing, what is there beside the list, and which agents nobody is home for.',
    timeoutMs: 20_000,
    input: z.strictObject({}),
    output: reportSchema,
    async run(_, helpers) {
      const [{ running, findings }, topology] = await Promise.all([
        lookAtApps(deps, helpers),
        lookAtTopology(deps, helpers),
      ]);
      const found = [...findings, ...topology.findings];
      const { tables, queues } = topology.deployed;
      return succeed({
        summary: summarise('What is deployed, beside the topology list', found),
        facts: {
          tables: tables ? { listed: tableNames.length, ...tables } : 'not seen',
          queues: queues ? Object.fromEntries(queues) : 'not seen',
          agents: Object.fromEntries(agentNames.map((agent) => [agent, homeOf(agent, running, deps)])),
        },
        findings: found,
      });
    },
  });
}

const homeOf = (
  agent: keyof typeof agents,
  running: readonly RunningApp[],
  { config }: Pick<SpecialistDeps, 'config'>,
) => {
  if (config.externalAgents.has(agent)) return { home: 'a worker elsewhere' };
  const home = running.find(({ app }) => app === agents[agent]);
  return { home: agents[agent], alive: home !== undefined && (home.answers || home.instances.length > 0) };
};
