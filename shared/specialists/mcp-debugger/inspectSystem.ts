import type { AgentLoads } from '../../orchestration/agents/loads.ts';
import type { Delegation } from '../../orchestration/model/delegation.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { sessionToken } from '../callEndpoint.ts';
import { checkEndpoints } from '../checkEndpoints.ts';
import { checkStores } from '../checkStores.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings } from '../finding.ts';
import type { Inspection } from '../inspection.ts';
import { withTimeout } from '../withTimeout.ts';
import { roundTrip } from './roundTrip.ts';

const ROUND_TRIP_WITHIN_MS = 10_000;
const WITHIN_MS = 8_000;
const STUCK_MS = 120_000;
const MAX_LISTED = 20;

const finding = defineFindings({
  delegation_overdue: ({
    agent,
    task,
  }: Pick<Delegation, 'agent' | 'task' | 'deadline'> & { delegation: string }) => ({
    severity: 'critical',
    message: `${task} of ${agent} is past its deadline and has no outcome: the sweeper does not run`,
    remedy:
      'The timer `sweeper` of the management app ends such work within half a minute: check that timers run there.',
  }),
  work_unread: ({ why }: { why: string }) => ({
    severity: 'warning',
    message: `the work of the agents could not be read: ${why}`,
    evidence: {},
    remedy: 'Check the stores with the task database_connection_issues.',
  }),
});

/**
 * Inspects the endpoints of both apps, their stores and the queues between them, all at once. The likely cause comes first: a
 * store that is down, then an app, then the queues.
 */
export async function inspectBothApps(deps: SpecialistDeps, helpers: TaskHelpers): Promise<Inspection> {
  const { signal, traceId } = helpers;
  const call = { signal, traceId, token: await sessionToken(helpers) };
  const [stores, management, mcp, trip] = await Promise.all([
    checkStores(deps, signal),
    checkEndpoints('management', deps, call),
    checkEndpoints('mcp', deps, call),
    roundTrip(deps, helpers, ROUND_TRIP_WITHIN_MS),
  ]);
  return {
    facts: { management: management.facts, mcp: mcp.facts, stores: stores.facts, roundTrip: trip.facts },
    findings: [stores, management, mcp, trip].flatMap(({ findings }) => findings),
  };
}

/** Finds work of the tenant that should have ended and has not, and work that has failed since `from`. */
export async function inspectWork(
  { delegations, clock }: Pick<SpecialistDeps, 'delegations' | 'clock'>,
  { tenantId, signal, delegationId }: TaskHelpers,
  from: Date,
): Promise<Inspection> {
  const read = await withTimeout(WITHIN_MS, signal, async () => {
    const stuck: Delegation[] = [];
    const before = new Date(clock.now().getTime() - STUCK_MS);
    for await (const { value } of delegations.unfinished(before, () => undefined))
      if (value.tenantId === tenantId && value.id !== delegationId) stuck.push(value);
    const failed = (await delegations.list(tenantId, { state: 'failed' }, 500)).items.filter(
      ({ finishedAt }) => finishedAt !== undefined && new Date(finishedAt) > from,
    );
    return { stuck, failed };
  });
  if (!read.ok) return { facts: {}, findings: [finding('work_unread', { why: read.error.message })] };
  const { stuck, failed } = read.value;
  const shown = ({ id, agent, task, state, attempts, createdAt, outcome }: Delegation) => ({
    id,
    agent,
    task,
    state,
    attempts,
    createdAt,
    ...(outcome && !outcome.success && { kind: outcome.error.kind }),
  });
  const overdue = stuck.filter(({ deadline }) => new Date(deadline) < clock.now());
  return {
    facts: {
      unfinished: stuck.slice(0, MAX_LISTED).map(shown),
      failedInLastHour: failed.slice(0, MAX_LISTED).map(shown),
      failedCount: failed.length,
    },
    findings: overdue.map(({ id, agent, task, deadline }) =>
      finding('delegation_overdue', { delegation: id, agent, task, deadline }),
    ),
  };
}

/** Returns the load of every agent with work of the tenant. */
export async function inspectAgents(
  loads: AgentLoads,
  { signal, tenantId }: TaskHelpers,
): Promise<Inspection> {
  const read = await withTimeout(WITHIN_MS, signal, () => loads(tenantId));
  return read.ok
    ? { facts: Object.fromEntries(read.value), findings: [] }
    : { facts: {}, findings: [finding('work_unread', { why: read.error.message })] };
}
