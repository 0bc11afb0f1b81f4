import { z } from 'zod';
import { type AgentLoads, createAgentLoads } from '../../orchestration/agents/loads.ts';
import { type Delegation } from '../../orchestration/model/delegation.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { withinTime } from '../withTimeout.ts';
import { type Look, lookAtBothApps } from './bothApps.ts';

const HOUR_MS = 3_600_000;
const WITHIN_MS = 8_000;
const STUCK_MS = 120_000;
const MAX_LISTED = 20;

/** The state of the whole as the debugger sees it, for the system report. */
export const diagnosticReport = (deps: SpecialistDeps): Task => {
  const loads = createAgentLoads({ ...deps, state: deps.shortLived });
  return defineTask({
    name: 'generate_diagnostic_report',
    permissions: ['system.read'],
    agent: 'mcp-debugger',
    description:
      'Reports how both apps, their stores and the queues between them answer now, which work is stuck or has failed in this tenant, and what each agent has to do.',
    timeoutMs: 30_000,
    input: z.strictObject({}),
    output: reportSchema,
    async run(_, helpers) {
      const from = new Date(helpers.clock.now().getTime() - HOUR_MS);
      const [apps, work, agents] = await Promise.all([
        lookAtBothApps(deps, helpers),
        lookAtWork(deps, helpers, from),
        lookAtAgents(loads, helpers),
      ]);
      const findings = [apps, work, agents].flatMap((part) => part.findings);
      const of = (wanted: Finding['severity']) => findings.filter(({ severity }) => severity === wanted);
      const [critical] = of('critical');
      return succeed({
        summary: `${of('critical').length} critical findings and ${of('warning').length} warnings${critical ? `; first of all: ${critical.message}` : ''}.`,
        facts: { ...apps.facts, work: work.facts, agents: agents.facts },
        findings,
      });
    },
  });
};

/** Work of the tenant that has not ended although it should have, and that failed lately. */
async function lookAtWork(
  { delegations, clock }: Pick<SpecialistDeps, 'delegations' | 'clock'>,
  { tenantId, signal, delegationId }: TaskHelpers,
  from: Date,
): Promise<Look> {
  const read = await withinTime(WITHIN_MS, signal, async () => {
    const stuck: Delegation[] = [];
    const before = new Date(clock.now().getTime() - STUCK_MS);
    for await (const { value } of delegations.unfinished(before, () => undefined))
      if (value.tenantId === tenantId && value.id !== delegationId) stuck.push(value);
    const failed = (await delegations.list(tenantId, { state: 'failed' }, 500)).items.filter(
      ({ finishedAt }) => finishedAt !== undefined && new Date(finishedAt) > from,
    );
    return { stuck, failed };
  });
  if (!read.ok) return { facts: {}, findings: [workUnread(read.error.message)] };
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
  const late = stuck.filter(({ deadline }) => new Date(deadline) < clock.now());
  return {
    facts: {
      unfinished: stuck.slice(0, MAX_LISTED).map(shown),
      failedInLastHour: failed.slice(0, MAX_LISTED).map(shown),
      failedCount: failed.length,
    },
    findings: late.map(({ id, agent, task, deadline }): Finding => ({
      rule: 'delegation_overdue',
      severity: 'critical',
      message: `${task} of ${agent} is past its deadline and has no outcome: nobody sweeps`,
      evidence: { delegation: id, agent, task, deadline },
      remedy:
        'The timer sweeper of the management app ends it within half a minute: see that timers run there.',
    })),
  };
}

/** What all agents have to do, of all tenants; the same that GET /agents shows. */
async function lookAtAgents(loads: AgentLoads, { signal }: TaskHelpers): Promise<Look> {
  const read = await withinTime(WITHIN_MS, signal, () => loads());
  return read.ok
    ? { facts: Object.fromEntries(read.value), findings: [] }
    : { facts: {}, findings: [workUnread(read.error.message)] };
}

const workUnread = (why: string): Finding => ({
  rule: 'work_unread',
  severity: 'warning',
  message: `what the agents have to do could not be read: ${why}`,
  evidence: {},
  remedy: 'Look at the stores with the task database_connection_issues.',
});
