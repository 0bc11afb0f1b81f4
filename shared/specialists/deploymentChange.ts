import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { failedCheck, hasEnded, type Plan } from '../orchestration/model/plan.ts';
import type { TaskHelpers } from '../orchestration/tasks/task.ts';
import { idSchema } from '../platform/base/ids.ts';
import type { App } from '../platform/config/config.ts';
import { readInstances } from '../platform/telemetry/instances.ts';
import type { SpecialistDeps } from './deps.ts';
import type { RaisedEvent } from './eventHandlers.ts';
import { defineFindings, type Finding, reportSchema } from './finding.ts';

/** The subjects of a `deployment_status` event. Any user may raise such an event, with any detail. */
const detailSchema = z.union([
  z.object({ run: z.string().max(100), gate: z.string().max(100) }),
  z.object({ plan: z.string().max(100) }),
  z.object({ app: z.enum(['management', 'mcp']), build: z.string().max(100), before: z.string().max(100) }),
  z.object({
    deployment: idSchema,
    environment: z.string().max(100),
    outcome: z.enum(['succeeded', 'failed', 'rolled_back', 'rollback_failed']),
    build: z.string().max(100),
    step: z.string().max(100),
  }),
]);
type EndedDeployment = Extract<z.infer<typeof detailSchema>, { readonly deployment: string }>;

/** The current state of the subject of an event. */
export const changeSchema = reportSchema.extend({
  subject: z
    .string()
    .describe('The resource that was inspected: plans/{id}, apps/{name}, deployments/{id} or events/{id}.'),
  recorded: z.literal(true),
  afterMs: z.number().describe('From the event to the inspection.'),
});
export type Change = Omit<z.infer<typeof changeSchema>, 'recorded' | 'afterMs'>;

type ChangeDeps = Pick<SpecialistDeps, 'plans' | 'shortLived' | 'clock'>;

interface EndedPlan {
  readonly plan: Plan;
  /** `the plan …` or `the run of the gate …`. */
  readonly name: string;
}
const notSucceeded = ({
  plan: { id, state },
  name,
  step,
}: EndedPlan & { readonly step: string | undefined }) => ({
  severity: 'critical' as const,
  message: `${name} is ${state}${step === undefined ? '' : `, at ${step}`}`,
  evidence: { plan: id, state, step: step ?? null },
  remedy: `Read what ${step ?? 'its steps'} found in GET /plans/${id}, correct it and run it again. Deploy nothing before that.`,
});

const finding = defineFindings({
  plan_not_ended: ({ plan: { id, state }, name }: EndedPlan) => ({
    severity: 'warning',
    message: `the event says that ${name} has ended, but it has not`,
    evidence: { plan: id, state },
    remedy: `Read GET /plans/${id}; the sweeper resumes a plan that is stuck.`,
  }),
  plan_not_succeeded: notSucceeded,
  gate_not_passed: notSucceeded,
  plan_not_found: {
    severity: 'warning',
    message: 'the event names a plan that this tenant does not have',
    remedy: 'Find out who raised the event: the gateway itself names existing plans only.',
  },
  deployment_not_succeeded: ({ environment, outcome, step, build }: EndedDeployment) => ({
    severity: 'critical',
    message: `the deployment of build ${build} to ${environment} is ${outcome}, at ${step}`,
    evidence: { environment, outcome, step, build },
    remedy:
      outcome === 'rollback_failed'
        ? 'Run npm run deploy again: it first restores the previous packages. Its output says why that failed.'
        : `Read in the output of npm run deploy why ${step} failed, correct it and deploy again.`,
  }),
  two_builds_in_one_app: ({ app, builds, newest, evidence }: SeveralBuilds) => ({
    severity: 'warning',
    message: `instances of the ${app} app run ${builds} builds at once`,
    evidence: { app, ...evidence },
    remedy: `Wait until the instances that do not run ${newest} have ended. If they stay, restart the ${app} app.`,
  }),
});

interface SeveralBuilds {
  readonly app: App;
  /** How many there are. */
  readonly builds: number;
  readonly newest: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}
export const severalBuilds = (facts: SeveralBuilds): Finding => finding('two_builds_in_one_app', facts);

/** Inspects the plan or the app that an event of a deployment is about. */
export async function inspectChange(
  { eventId, detail }: RaisedEvent,
  { tenantId, signal }: Pick<TaskHelpers, 'tenantId' | 'signal'>,
  deps: ChangeDeps,
): Promise<Change> {
  const parsed = detailSchema.safeParse(detail).data;
  if (!parsed) {
    const summary =
      'The event names neither a run of a gate, nor a plan, nor an app and its build, nor a deployment.';
    return { subject: `events/${eventId}`, summary, facts: {}, findings: [] };
  }
  if ('app' in parsed) return inspectBuild(parsed, deps);
  if ('deployment' in parsed) return inspectDeployment(parsed);
  const id = 'run' in parsed ? parsed.run : parsed.plan;
  const plan = await endedPlan(tenantId, id, signal, deps);
  if (plan) return changeOfPlan(plan);
  const summary = 'The event names a missing plan.';
  return {
    subject: `plans/${id}`,
    summary,
    facts: { plan: id },
    findings: [finding('plan_not_found', { plan: id })],
  };
}

/** The engine raises the event before it writes the end of the plan into the row, so that no event is lost. */
const ROW_WITHIN_MS = 5_000;
const READ_EVERY_MS = 100;

async function endedPlan(
  tenantId: string,
  id: string,
  signal: AbortSignal,
  { plans }: ChangeDeps,
): Promise<Plan | undefined> {
  const endAt = performance.now() + ROW_WITHIN_MS;
  for (;;) {
    const plan = (await plans.find(tenantId, id))?.value;
    if (!plan || hasEnded(plan) || performance.now() > endAt || signal.aborted) return plan;
    await delay(READ_EVERY_MS);
  }
}

function changeOfPlan(plan: Plan): Change {
  const { id, name, gate, state, createdAt, finishedAt, steps } = plan;
  const failed = steps.filter((step) => step.state === 'failed');
  const subject = gate === undefined ? `the plan ${name}` : `the run of the gate ${gate}`;
  const facts = {
    plan: id,
    name,
    state,
    createdAt,
    ...(finishedAt !== undefined && { finishedAt }),
    failedSteps: failed.map((step) => ({ step: step.id, agent: step.agent, kind: step.error?.kind })),
  };
  const summary = `${subject} is ${state}.`.replace(/^t/, 'T');
  const step = failedCheck(plan) ?? failed[0]?.id;
  const rule = gate === undefined ? 'plan_not_succeeded' : 'gate_not_passed';
  const findings = !hasEnded(plan)
    ? [finding('plan_not_ended', { plan, name: subject })]
    : state === 'succeeded'
      ? []
      : [finding(rule, { plan, name: subject, step })];
  return { subject: `plans/${id}`, summary, facts, findings };
}

/** `npm run deploy` reports how it ended. Nothing else in the gateway knows. */
function inspectDeployment(ended: EndedDeployment): Change {
  const { deployment, environment, outcome, build, step } = ended;
  return {
    subject: `deployments/${deployment}`,
    summary: `The deployment of build ${build} to ${environment} is ${outcome}.`,
    facts: { deployment, environment, outcome, build, step },
    findings: outcome === 'succeeded' ? [] : [finding('deployment_not_succeeded', ended)],
  };
}

async function inspectBuild(
  { app, build, before }: { readonly app: App; readonly build: string; readonly before: string },
  { shortLived, clock }: ChangeDeps,
): Promise<Change> {
  const { current } = await readInstances(shortLived, app, clock);
  const builds = [...new Set(current.map((instance) => instance.build))];
  const others = builds.filter((running) => running !== build);
  return {
    subject: `apps/${app}`,
    summary: `The ${app} app was build ${before} and is now ${builds.join(', ') || 'not seen'}.`,
    facts: { app, build, before, running: builds, instances: current.length },
    findings:
      others.length > 0
        ? [severalBuilds({ app, builds: others.length + 1, newest: build, evidence: { build, others } })]
        : [],
  };
}
