import { setTimeout as delay } from 'node:timers/promises';
import { beginPlan } from '../../orchestration/engine/beginPlan.ts';
import { cancelPlan } from '../../orchestration/engine/cancel.ts';
import { type Agent, agentNames, agents } from '../../orchestration/model/agents.ts';
import type { Delegation } from '../../orchestration/model/delegation.ts';
import { hasEnded, ROUND_TRIP_PLAN } from '../../orchestration/model/plan.ts';
import { delegationIdOf } from '../../orchestration/model/planProgress.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { App } from '../../platform/config/config.ts';
import type { LogEvent } from '../../platform/telemetry/log.ts';
import { tracedHeaders } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import type { Inspection } from '../inspection.ts';
import { markKey } from '../probe.ts';
import { withTimeout } from '../withTimeout.ts';

const READ_EVERY_MS = 100;
/** To cancel a plan that hangs, and to read how far it got. */
const AFTERWARDS_MS = 2_000;

type TripDeps = Pick<SpecialistDeps, 'config'> & Parameters<typeof beginPlan>[2];

/** One direction of the round trip, as its row shows it. */
export interface Leg {
  readonly step: 'there' | 'back';
  readonly agent: Agent;
  readonly app: App;
  /** Absent if it was never sent. */
  readonly delegation: Delegation | undefined;
}
const SEND_FAILED: LogEvent = 'delegation_send_failed';
const RUN_FAILED: LogEvent = 'delegation_failed';

interface BrokenLeg extends Leg {
  readonly withinMs: number;
}

const broken = (text: (leg: BrokenLeg) => readonly [message: string, remedy: string]) => (leg: BrokenLeg) => {
  const { step, agent, app, withinMs, delegation } = leg;
  const [message, remedy] = text(leg);
  return {
    severity: 'critical' as const,
    message: `on the way ${step}, ${message}`,
    evidence: {
      step,
      agent,
      app,
      withinMs,
      attempts: delegation?.attempts ?? 0,
      state: delegation?.state ?? 'not sent',
    },
    remedy,
  };
};

const finding = defineFindings({
  plan_not_advanced: broken(({ agent }) => [
    `nothing was sent to ${agent} although the step before it has ended: the mcp app does not advance plans`,
    'Search the log of the mcp app for plan and tables: the app may not be allowed to write the table plans.',
  ]),
  probe_failed: broken(({ agent, app, delegation }) => [
    `${agent} took the probe and failed: ${kindOf(delegation) ?? 'unknown'}`,
    `Search the log of the ${app} app for the delegation ${delegation?.id}.`,
  ]),
  message_not_taken: broken(({ step, agent, app, withinMs }) =>
    step === 'back'
      ? [
          `no agent took the message for ${agent} within ${withinMs} ms: the mcp app could not send it, or nothing receives from that queue`,
          `Search the log of the mcp app for ${SEND_FAILED}: the app needs the role Azure Service Bus Data Sender. If it is not there, check the trigger of the management app.`,
        ]
      : [
          `no agent took the message for ${agent} within ${withinMs} ms: nothing receives from its queue`,
          `Check that the ${app} app runs, that its function agent-${agent} is enabled and that MREG_SERVICE_BUS of both apps names the same namespace. Then read the dead letters of that queue.`,
        ],
  ),
  probe_tried_again: broken(({ agent, app, delegation }) => [
    `${agent} took the probe ${delegation?.attempts} times and met a fault of the system each time`,
    `Search the log of the ${app} app for ${RUN_FAILED}: a part that the app uses does not answer.`,
  ]),
  probe_hangs: broken(({ agent, app, withinMs }) => [
    `${agent} took the probe and did not end it within ${withinMs} ms`,
    `Check the load of the ${app} app: its event loop or one of its stores is blocked.`,
  ]),
  state_not_shared: {
    severity: 'critical',
    message:
      'a value that the mcp app wrote to its short-lived state is missing in that of the management app: the apps do not share it',
    evidence: { wrote: 'mcp', read: 'management' },
    remedy:
      'Set the same MREG_REDIS_URL in both apps, or in neither. Until then, sessions and limits are valid in one app only.',
  },
  round_trip_not_made: ({ app }: { app: App }) => ({
    severity: 'info',
    message: `no round trip was made: all agents of the ${app} app are external`,
    remedy: 'Check the workers of these agents: GET /agents says when each was last seen.',
  }),
  round_trip_not_begun: ({ why }: { why: string }) => ({
    severity: 'critical',
    message: `the round trip over the queues could not be followed: ${why}`,
    evidence: {},
    remedy: 'Check the tables first: the engine writes the row of a delegation before it sends the message.',
  }),
});

/**
 * Sends a probe over the queue of an agent of the mcp app, and then another one over the queue of an agent of this app. For the
 * second the mcp app has to read our row, advance the plan and send. The first sets a mark in the state store, which is read
 * here. This shows that both apps have the same tables, state and queues. A probe that is late is cancelled.
 */
export async function roundTrip(
  deps: TripDeps,
  { tenantId, traceId, signal }: Pick<TaskHelpers, 'tenantId' | 'traceId' | 'signal'>,
  withinMs: number,
): Promise<Inspection> {
  const [there, back] = [agentOf('mcp', deps), agentOf('management', deps)];
  if (!there || !back)
    return { facts: {}, findings: [finding('round_trip_not_made', { app: there ? 'management' : 'mcp' })] };
  const mark = deps.newId();
  const id = deps.newId();
  const steps = [
    { id: 'there', agent: there, task: 'probe', input: { mark } },
    { id: 'back', agent: back, task: 'probe', input: {}, dependsOn: ['there'] },
  ].map((step) => ({ ...step, timeoutMs: withinMs }));
  const start = {
    id,
    tenantId,
    name: ROUND_TRIP_PLAN,
    requestedBy: 'mcp-debugger',
    grantedBy: `plan ${ROUND_TRIP_PLAN}`,
    ...tracedHeaders(traceId),
  };
  const startedAt = performance.now();
  const ended = await withTimeout(withinMs, signal, async (own) => {
    await beginPlan(start, steps, deps);
    for (;;) {
      const plan = (await deps.plans.find(tenantId, id))?.value;
      if (plan && hasEnded(plan)) return plan;
      await delay(READ_EVERY_MS, undefined, { signal: own });
    }
  });
  const tookMs = Math.round(performance.now() - startedAt);
  if (!ended.ok && ended.error.kind === 'unavailable')
    return { facts: { tookMs }, findings: [finding('round_trip_not_begun', { why: ended.error.message })] };
  // A store that hung above may hang here too.
  const legs = await withTimeout(AFTERWARDS_MS, signal, async () => {
    const found = await Promise.all([
      readLeg('there', there, id, tenantId, deps),
      readLeg('back', back, id, tenantId, deps),
    ]);
    if (!ended.ok) await cancelPlan(tenantId, id, deps);
    return found;
  });
  if (!legs.ok)
    return { facts: { tookMs }, findings: [finding('round_trip_not_begun', { why: legs.error.message })] };
  const isThere = legs.value[0].delegation?.state === 'succeeded';
  const marked = isThere ? await readMark(tenantId, mark, deps, signal) : undefined;
  const isMarked = marked === undefined ? undefined : marked === delegationIdOf({ id }, 'there');
  return {
    facts: { tookMs, legs: legs.value.map(shown), ...(isMarked !== undefined && { stateShared: isMarked }) },
    findings: judgeRoundTrip(legs.value, { withinMs, isMarked }),
  };
}

const agentOf = (app: App, { config }: TripDeps): Agent | undefined =>
  agentNames.find(
    (name) => agents[name] === app && name !== 'mcp-debugger' && !config.externalAgents.has(name),
  );

async function readLeg(
  step: Leg['step'],
  agent: Agent,
  planId: string,
  tenantId: string,
  { delegations }: TripDeps,
): Promise<Leg> {
  const found = await delegations.find(tenantId, delegationIdOf({ id: planId }, step));
  return { step, agent, app: agents[agent], delegation: found?.value };
}

/** Reads the mark from the state store of this app: `nothing` if it is missing, undefined if the store does not answer. */
async function readMark(
  tenantId: string,
  mark: string,
  { shortLived }: TripDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  const read = await withTimeout(
    AFTERWARDS_MS,
    signal,
    async () => (await shortLived.get(markKey(tenantId, mark))) ?? 'nothing',
  );
  return read.ok ? read.value : undefined;
}

const between = (from: string | undefined, to: string | undefined): number | undefined =>
  from === undefined || to === undefined ? undefined : Date.parse(to) - Date.parse(from);

const shown = ({ step, agent, app, delegation }: Leg) => ({
  step,
  agent,
  app,
  state: delegation?.state ?? 'not sent',
  queuedMs: between(delegation?.createdAt, delegation?.startedAt),
  ranMs: between(delegation?.startedAt, delegation?.finishedAt),
  attempts: delegation?.attempts,
});

const kindOf = (delegation: Delegation | undefined): string | undefined =>
  delegation?.outcome?.success === false ? delegation.outcome.error.kind : undefined;

/** Judges the first leg that did not succeed, and the mark. `isMarked`: undefined if the mark could not be read. */
export function judgeRoundTrip(
  legs: readonly Leg[],
  { withinMs, isMarked }: { readonly withinMs: number; readonly isMarked: boolean | undefined },
): readonly Finding[] {
  const leg = legs.find(({ delegation }) => delegation?.state !== 'succeeded');
  return [
    ...(leg ? [finding(brokenRule(leg), { ...leg, withinMs })] : []),
    ...(isMarked === false ? [finding('state_not_shared', {})] : []),
  ];
}

function brokenRule({ delegation }: Leg) {
  if (!delegation) return 'plan_not_advanced';
  const kind = kindOf(delegation);
  if (kind !== undefined && kind !== 'timeout' && kind !== 'cancelled') return 'probe_failed';
  if (delegation.attempts === 0) return 'message_not_taken';
  return delegation.state === 'queued' ? 'probe_tried_again' : 'probe_hangs';
}
