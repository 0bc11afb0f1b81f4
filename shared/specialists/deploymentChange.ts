import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { failedCheck } from '../orchestration/model/gateStatus.ts';
import { type Plan, hasEnded } from '../orchestration/model/plan.ts';
import type { TaskHelpers } from '../orchestration/tasks/task.ts';
import type { App } from '../platform/config/config.ts';
import { readInstances } from '../platform/telemetry/instances.ts';
import type { SpecialistDeps } from './deps.ts';
import { type Finding, reportSchema } from './finding.ts';
import type { eventSchema } from './eventHandlers.ts';

/** What `deployment_status` can be about. Anybody may raise such an event, with any detail. */
const detailSchema = z.union([
  z.object({ run: z.string().max(100), gate: z.string().max(100) }),
  z.object({ plan: z.string().max(100) }),
  z.object({ app: z.enum(['management', 'mcp']), build: z.string().max(100), before: z.string().max(100) }),
]);

/** What has become of the subject of an event, as it is now. */
export const changeSchema = reportSchema.extend({
  subject: z.string().describe('What was looked at: plans/{id}, apps/{name} or events/{id}.'),
  recorded: z.literal(true),
  afterMs: z.number().describe('From the event to the look.'),
});
export type Change = Omit<z.infer<typeof changeSchema>, 'recorded' | 'afterMs'>;

type Event = z.infer<typeof eventSchema>;
type LookDeps = Pick<SpecialistDeps, 'plans' | 'shortLived' | 'clock'>;

/** Looks at the plan or the app that an event of a deployment is about. */
export async function lookAtChange(
  { eventId, detail }: Event,
  { tenantId, signal }: Pick<TaskHelpers, 'tenantId' | 'signal'>,
  deps: LookDeps,
): Promise<Change> {
  const parsed = detailSchema.safeParse(detail).data;
  if (!parsed) {
    const summary = 'The event names neither a run of a gate, nor a plan, nor an app and its build.';
    return { subject: `events/${eventId}`, summary, facts: {}, findings: [] };
  }
  if ('app' in parsed) return lookAtBuild(parsed, deps);
  const id = 'run' in parsed ? parsed.run : parsed.plan;
  const plan = await endedPlan(tenantId, id, signal, deps);
  return plan ? changeOfPlan(plan) : missingPlan(id);
}

/** The event is raised before the row says that the plan has ended, so that none is lost. */
const ROW_WITHIN_MS = 5_000;
const READ_EVERY_MS = 100;

async function endedPlan(
  tenantId: string,
  id: string,
  signal: AbortSignal,
  { plans }: LookDeps,
): Promise<Plan | undefined> {
  const endAt = performance.now() + ROW_WITHIN_MS;
  for (;;) {
    const plan = (await plans.find(tenantId, id))?.value;
    if (!plan || hasEnded(plan) || performance.now() > endAt || signal.aborted) return plan;
    await delay(READ_EVERY_MS);
  }
}

function changeOfPlan(plan: Plan): Change {
  const { id, name, gate, state, createdAt, finishedAt } = plan;
  const ended = plan.steps.filter((step) => step.state === 'failed');
  const what = gate === undefined ? `the plan ${name}` : `the run of the gate ${gate}`;
  const facts = {
    plan: id,
    name,
    state,
    createdAt,
    ...(finishedAt !== undefined && { finishedAt }),
    failedSteps: ended.map((step) => ({ step: step.id, agent: step.agent, kind: step.error?.kind })),
  };
  const summary = `${what} is ${state}.`.replace(/^t/, 'T');
  return { subject: `plans/${id}`, summary, facts, findings: planFindings(plan, what) };
}

function planFindings(plan: Plan, what: string): Finding[] {
  if (!hasEnded(plan))
    return [
      {
        rule: 'plan_not_ended',
        severity: 'warning',
        message: `${what} was said to have ended, and has not`,
        evidence: { plan: plan.id, state: plan.state },
        remedy: `Look at GET /plans/${plan.id}; the sweeper moves on what is stuck.`,
      },
    ];
  if (plan.state === 'succeeded') return [];
  const check = failedCheck(plan) ?? plan.steps.find(({ state }) => state === 'failed')?.id;
  return [
    {
      rule: plan.gate === undefined ? 'plan_not_succeeded' : 'gate_not_passed',
      severity: 'critical',
      message: `${what} is ${plan.state}${check === undefined ? '' : `, at ${check}`}`,
      evidence: { plan: plan.id, state: plan.state, step: check ?? null },
      remedy: `Read what ${check ?? 'its steps'} found in GET /plans/${plan.id}, mend it and run it again; deploy nothing before.`,
    },
  ];
}

const missingPlan = (id: string): Change => ({
  subject: `plans/${id}`,
  summary: 'The event names a plan that there is not.',
  facts: { plan: id },
  findings: [
    {
      rule: 'plan_not_found',
      severity: 'warning',
      message: 'the event names a plan that this tenant does not have',
      evidence: { plan: id },
      remedy: 'See who raised the event: the gateway itself names plans that there are.',
    },
  ],
});

async function lookAtBuild(
  { app, build, before }: { readonly app: App; readonly build: string; readonly before: string },
  { shortLived, clock }: LookDeps,
): Promise<Change> {
  const { current } = await readInstances(shortLived, app, clock);
  const builds = [...new Set(current.map((instance) => instance.build))];
  const others = builds.filter((running) => running !== build);
  const findings: Finding[] = [];
  if (others.length > 0)
    findings.push({
      rule: 'two_builds_in_one_app',
      severity: 'warning',
      message: `the ${app} app started with another build, and still runs others beside it`,
      evidence: { app, build, others },
      remedy: `Wait until their instances have ended; where they stay, restart the ${app} app.`,
    });
  return {
    subject: `apps/${app}`,
    summary: `The ${app} app was build ${before} and is now ${builds.join(', ') || 'not seen'}.`,
    facts: { app, build, before, running: builds, instances: current.length },
    findings,
  };
}
