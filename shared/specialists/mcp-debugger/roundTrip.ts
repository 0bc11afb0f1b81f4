import { setTimeout as delay } from 'node:timers/promises';
import { type Agent, agentNames, agents } from '../../orchestration/model/agents.ts';
import { beginPlan } from '../../orchestration/engine/beginPlan.ts';
import { cancelPlan } from '../../orchestration/engine/cancelPlan.ts';
import { hasEnded } from '../../orchestration/model/plan.ts';
import { delegationIdOf } from '../../orchestration/model/planProgress.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { App } from '../../platform/config/config.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { continueTrace, traceparentOf } from '../../platform/telemetry/trace.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import { markKey } from '../probe.ts';
import { type Leg, judgeRoundTrip } from './judgeRoundTrip.ts';
import { withinTime } from '../withTimeout.ts';

const LOOK_EVERY_MS = 100;
/** To cancel what hangs and to read how far it is. */
const AFTERWARDS_MS = 2_000;

type TripDeps = Pick<SpecialistDeps, 'config'> & Parameters<typeof beginPlan>[2];
export interface RoundTripLook {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
}

/**
 * Sends a probe over the queue of an agent of the mcp app and, when that has ended, another over the queue of an agent of
 * this one: for the second the mcp app itself has to read our row, advance the plan and send. The first leaves a mark in the
 * short-lived state, which is looked up here: so both apps have the same tables, the same state and the same queues. What has
 * not come back in time is cancelled.
 */
export async function roundTrip(
  deps: TripDeps,
  { tenantId, traceId, signal }: Pick<TaskHelpers, 'tenantId' | 'traceId' | 'signal'>,
  withinMs: number,
): Promise<RoundTripLook> {
  const [there, back] = [agentOf('mcp', deps), agentOf('management', deps)];
  if (!there || !back) return { facts: {}, findings: [allExternal(there ? 'management' : 'mcp')] };
  const mark = deps.newId();
  const id = deps.newId();
  const steps = [
    { id: 'there', agent: there, task: 'probe', input: { mark } },
    { id: 'back', agent: back, task: 'probe', input: {}, dependsOn: ['there'] },
  ].map((step) => ({ ...step, timeoutMs: withinMs }));
  const start = {
    id,
    tenantId,
    name: 'dual_server_round_trip',
    requestedBy: 'mcp-debugger',
    grantedBy: 'plan dual_server_round_trip',
    traceparent: traceparentOf({ ...continueTrace(undefined), traceId }),
  };
  const startedAt = performance.now();
  const ended = await withinTime(withinMs, signal, async (own) => {
    await beginPlan(start, steps, deps);
    for (;;) {
      const plan = (await deps.plans.find(tenantId, id))?.value;
      if (plan && hasEnded(plan)) return plan;
      await delay(LOOK_EVERY_MS, undefined, { signal: own });
    }
  });
  const tookMs = Math.round(performance.now() - startedAt);
  if (!ended.ok && ended.error.kind === 'unavailable')
    return { facts: { tookMs }, findings: [notSent(ended.error.message)] };
  // Whatever hung may hang here too.
  const legs = await withinTime(AFTERWARDS_MS, signal, async () => {
    const found = await Promise.all([
      readLeg('there', there, id, tenantId, deps),
      readLeg('back', back, id, tenantId, deps),
    ]);
    if (!ended.ok) await cancelPlan(tenantId, id, deps);
    return found;
  });
  if (!legs.ok) return { facts: { tookMs }, findings: [notSent(legs.error.message)] };
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

/** What the state here has under the mark that was left there; undefined where the state does not answer. */
async function readMark(
  tenantId: string,
  mark: string,
  { shortLived }: TripDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  const read = await withinTime(AFTERWARDS_MS, signal, async () => {
    try {
      return (await shortLived.get(markKey(tenantId, mark))) ?? 'nothing';
    } catch (error) {
      if (!(error instanceof InfrastructureError)) throw error;
      return undefined;
    }
  });
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

const allExternal = (app: App): Finding => ({
  rule: 'round_trip_not_made',
  severity: 'info',
  message: `no round trip was made: all agents of the ${app} app are external`,
  evidence: { app },
  remedy: 'Look at the workers of these agents: GET /agents says when each was last seen.',
});

const notSent = (why: string): Finding => ({
  rule: 'round_trip_not_begun',
  severity: 'critical',
  message: `the round trip over the queues could not be followed: ${why}`,
  evidence: {},
  remedy: 'Look first at what the tables answer: a delegation is a row before it is a message.',
});
