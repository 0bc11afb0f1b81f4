import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { type QueueHome, queues, tableNames } from '../../platform/config/topology.ts';
import type { QueueState } from '../../platform/serviceBus/queueStates.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { inspectPart } from './runningApps.ts';

/** Which tables and queues of the topology list exist. Undefined: this could not be seen. */
export interface DeployedTopology {
  readonly tables: { readonly missing: readonly string[]; readonly extra: readonly string[] } | undefined;
  readonly queues: ReadonlyMap<string, QueueState> | undefined;
}

type TopologyDeps = Pick<SpecialistDeps, 'listTables' | 'askQueues' | 'config'>;

const WITHIN_MS = 8_000;
const MAX_EXTRA = 20;

interface QueueFacts {
  readonly queue: string;
  readonly state: QueueState;
  readonly receiver: string;
}

const finding = defineFindings({
  table_missing: ({ table }: { table: string }) => ({
    severity: 'critical',
    message: `the table ${table} is missing: everything that reads or writes it fails`,
    remedy: `Create the table ${table} in the storage account of MREG_TABLES; it may be empty.`,
  }),
  table_extra: ({ tables }: { tables: readonly string[] }) => ({
    severity: 'info',
    message: `the storage account has ${tables.length} tables that the gateway does not use`,
    remedy: 'Keep them if others use the account. Otherwise remove what an earlier version has left.',
  }),
  queue_missing: ({ queue, receiver }: QueueFacts) => ({
    severity: 'critical',
    message: `the queue ${queue}, from which ${receiver} receives, is missing`,
    remedy: `Create the queue ${queue} with duplicate detection; its settings are those of infra/topology.json.`,
  }),
  queue_forbidden: ({ queue }: QueueFacts) => ({
    severity: 'info',
    message: `the management app may not read the queue ${queue}, so its state is unknown`,
    remedy:
      'Give the identity of the management app the role Azure Service Bus Data Receiver on the namespace.',
  }),
  queue_unreachable: ({ queue }: QueueFacts) => ({
    severity: 'critical',
    message: `the queue ${queue} has not answered in time`,
    remedy: 'Check that Service Bus is reachable from the management app.',
  }),
});

/** Asks storage for its tables and Service Bus for each queue. */
export async function inspectTopology(
  deps: TopologyDeps,
  { signal }: Pick<TaskHelpers, 'signal'>,
): Promise<{ readonly deployed: DeployedTopology; readonly findings: readonly Finding[] }> {
  const names = queues.map(({ name }) => name);
  const [tables, asked] = await Promise.all([
    inspectPart('table_storage', WITHIN_MS, signal, (limit) => deps.listTables(limit)),
    inspectPart('service_bus', WITHIN_MS, signal, (limit) => deps.askQueues(names, limit)),
  ]);
  const deployed = {
    tables: 'seen' in tables ? compareTables(tables.seen) : undefined,
    queues: 'seen' in asked ? asked.seen : undefined,
  };
  return {
    deployed,
    findings: [
      ...('finding' in tables ? [tables.finding] : []),
      ...('finding' in asked ? [asked.finding] : []),
      ...topologyFindings(deployed, deps.config.externalAgents),
    ],
  };
}

/** Compares table names without regard to case, as storage does. */
export function compareTables(found: readonly string[]): NonNullable<DeployedTopology['tables']> {
  const lower = (names: readonly string[]) => new Set(names.map((name) => name.toLowerCase()));
  const [existing, wanted] = [lower(found), lower(tableNames)];
  return {
    missing: tableNames.filter((name) => !existing.has(name.toLowerCase())),
    extra: found.filter((name) => !wanted.has(name.toLowerCase())).slice(0, MAX_EXTRA),
  };
}

export const missingQueues = ({ queues: asked }: DeployedTopology): readonly string[] =>
  [...(asked ?? [])].filter(([, state]) => state === 'missing').map(([name]) => name);

export function topologyFindings(
  { tables, queues: asked }: DeployedTopology,
  externalAgents: ReadonlySet<string>,
): readonly Finding[] {
  return [
    ...(tables?.missing ?? []).map((table) => finding('table_missing', { table })),
    ...(tables && tables.extra.length > 0 ? [finding('table_extra', { tables: tables.extra })] : []),
    ...queues.flatMap((queue) => queueFinding(queue, asked?.get(queue.name), externalAgents)),
  ];
}

function queueFinding(
  { name: queue, app }: QueueHome,
  state: QueueState | undefined,
  externalAgents: ReadonlySet<string>,
): readonly Finding[] {
  if (state === undefined || state === 'present') return [];
  const receiver = externalAgents.has(queue) ? 'a worker elsewhere' : `the ${app} app`;
  return [finding(`queue_${state}`, { queue, state, receiver })];
}
