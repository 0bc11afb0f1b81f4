import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { QueueState } from '../../platform/serviceBus/queueStates.ts';
import { type QueueHome, queues, tableNames } from '../../platform/config/topology.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import { look } from './look.ts';

/** What is there of what the topology list names. Undefined: it could not be seen. */
export interface DeployedTopology {
  readonly tables: { readonly missing: readonly string[]; readonly extra: readonly string[] } | undefined;
  readonly queues: ReadonlyMap<string, QueueState> | undefined;
}

export type TopologyDeps = Pick<SpecialistDeps, 'listTables' | 'askQueues' | 'config'>;

const WITHIN_MS = 8_000;
const MAX_EXTRA = 20;

/** Asks storage for its tables and Service Bus for each queue. */
export async function lookAtTopology(
  deps: TopologyDeps,
  { signal }: Pick<TaskHelpers, 'signal'>,
): Promise<{ readonly deployed: DeployedTopology; readonly findings: readonly Finding[] }> {
  const names = queues.map(({ name }) => name);
  const [tables, asked] = await Promise.all([
    look('table_storage', WITHIN_MS, signal, (limit) => deps.listTables(limit)),
    look('service_bus', WITHIN_MS, signal, (limit) => deps.askQueues(names, limit)),
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

/** Names of tables do not depend on case. */
export function compareTables(found: readonly string[]): NonNullable<DeployedTopology['tables']> {
  const lower = (names: readonly string[]) => new Set(names.map((name) => name.toLowerCase()));
  const [there, wanted] = [lower(found), lower(tableNames)];
  return {
    missing: tableNames.filter((name) => !there.has(name.toLowerCase())),
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
    ...(tables?.missing ?? []).map((table): Finding => ({
      rule: 'table_missing',
      severity: 'critical',
      message: `the table ${table} is not there: whatever reads or writes it fails`,
      evidence: { table },
      remedy: `Create the table ${table} in the storage account of MREG_TABLES; it may be empty.`,
    })),
    ...(tables && tables.extra.length > 0 ? [extraTables(tables.extra)] : []),
    ...queues.flatMap((queue) => queueFinding(queue, asked?.get(queue.name), externalAgents)),
  ];
}

const extraTables = (extra: readonly string[]): Finding => ({
  rule: 'table_extra',
  severity: 'info',
  message: `the storage account has ${extra.length} tables that the gateway does not use`,
  evidence: { tables: extra },
  remedy: 'Leave them where others use the account; else remove what an earlier version has left.',
});

function queueFinding(
  { name, app }: QueueHome,
  state: QueueState | undefined,
  externalAgents: ReadonlySet<string>,
): readonly Finding[] {
  if (state === undefined || state === 'present') return [];
  const receiver = externalAgents.has(name) ? 'a worker elsewhere' : `the ${app} app`;
  const evidence = { queue: name, state, receiver };
  if (state === 'missing')
    return [
      {
        rule: 'queue_missing',
        severity: 'critical',
        message: `the queue ${name}, from which ${receiver} receives, is not there`,
        evidence,
        remedy: `Create the queue ${name} with duplicate detection; its settings are those of infra/topology.json.`,
      },
    ];
  return [
    {
      rule: `queue_${state}`,
      severity: state === 'forbidden' ? 'info' : 'critical',
      message:
        state === 'forbidden'
          ? `the management app may not look into the queue ${name}, so nothing can be said of it`
          : `the queue ${name} has not answered in time`,
      evidence,
      remedy:
        state === 'forbidden'
          ? 'Give the identity of the management app the role Azure Service Bus Data Receiver on the namespace.'
          : 'See that Service Bus is reachable from the management app.',
    },
  ];
}
