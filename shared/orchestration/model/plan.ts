import * as z from 'zod';
import { actorSchema } from '../../identity/access/actor.ts';
import { agentNames } from './agents.ts';
import { taskErrorSchema } from './delegation.ts';

/** The plan that checks each part of the system. Its rows are kept for a day only. */
export const HEALTH_PLAN = 'comprehensive_health_check';
export const ROUND_TRIP_PLAN = 'dual_server_round_trip';

const ownChecks: ReadonlySet<string> = new Set([HEALTH_PLAN, ROUND_TRIP_PLAN].map((name) => `plan ${name}`));

/** Whether work is a check of the gateway by itself. Only a named plan sets `grantedBy`, so no caller can claim it. */
export const isOwnCheck = ({ grantedBy }: { readonly grantedBy?: string | undefined }): boolean =>
  grantedBy !== undefined && ownChecks.has(grantedBy);
/** The plan of a deployment. The engine publishes an event when it ends. */
export const DEPLOYMENT_PLAN = 'deployment';

/** Why a step failed: its delegation failed, or its result is a verdict that did not pass. */
const stepErrorSchema = taskErrorSchema.extend({
  kind: z.enum([...taskErrorSchema.shape.kind.options, 'not_passed']),
});
export type StepError = z.infer<typeof stepErrorSchema>;

/** `critical`: when the step fails, so does the plan. `warning`: the plan can succeed all the same. */
export const severitySchema = z.enum(['critical', 'warning']);
/** `stop`: what depends on the step does not run when it fails, and if it is critical nothing new begins. `continue`: it runs. */
export const onFailureSchema = z.enum(['stop', 'continue']);

const workSchema = z.object({
  agent: z.enum(agentNames),
  task: z.string(),
  input: z.unknown(),
  /** The JSON pointers of the input's references to other steps: see `references.ts`. Everything else is data. */
  references: z.array(z.string()).optional(),
});

const compensationSchema = workSchema.extend({
  state: z.enum(['waiting', 'queued', 'succeeded', 'failed']),
  error: stepErrorSchema.optional(),
});

/**
 * A step waits until all steps that it depends on have ended. It is then queued, and ends with its delegation. It is skipped
 * when a step that it depends on failed, or when no step may begin any more. After a failure or a cancellation, the steps that
 * succeeded are compensated one by one, the last first.
 */
const stepSchema = workSchema.extend({
  id: z.string(),
  dependsOn: z.array(z.string()),
  /** Deadline of its delegation in ms, queueing and retries included. */
  timeoutMs: z.int().optional(),
  severity: severitySchema,
  onFailure: onFailureSchema,
  compensation: compensationSchema.optional(),
  state: z.enum(['waiting', 'queued', 'succeeded', 'failed', 'skipped', 'compensated']),
  error: stepErrorSchema.optional(),
  queuedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
  /** Its position among the ended steps, from 1: two may end in the same millisecond. */
  ended: z.int().optional(),
});
export type PlanStep = z.infer<typeof stepSchema>;

/** A plan: a graph of steps, each a delegation. Results stay in the delegations, so that the plan's row does not grow with them. */
export const planSchema = z.object({
  id: z.string(),
  tenantId: z.string(),
  name: z.string(),
  /** The quality gate that it is a run of. */
  gate: z.string().optional(),
  state: z.enum(['running', 'compensating', 'succeeded', 'failed', 'cancelled']),
  steps: z.array(stepSchema),
  /** The number of its changes. */
  revision: z.int(),
  /** It was cancelled: no step begins any more. */
  cancelled: z.boolean().optional(),
  requestedBy: z.string(),
  /** On whose behalf its steps are done; absent for plans of the system's own. */
  actor: actorSchema.optional(),
  /** The plan or gate of the gateway that authorises its steps. Their tasks then need no permission of the actor. */
  grantedBy: z.string().optional(),
  sessionId: z.string().optional(),
  /** Its allocation of the resource pools, until it ends. */
  allocationId: z.string().optional(),
  traceparent: z.string(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().optional(),
});
export type Plan = z.infer<typeof planSchema>;

/** A step as the author of a plan writes it. Defaults: critical, stop, no dependency, no compensation. */
export type StepDefinition = z.infer<typeof workSchema> &
  Partial<Pick<PlanStep, 'dependsOn' | 'timeoutMs' | 'severity' | 'onFailure'>> & {
    readonly id: string;
    readonly compensation?: z.infer<typeof workSchema>;
  };

export const hasEnded = ({ state }: Pick<Plan, 'state'>): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled';

/** Returns the status of a gate's run. A cancelled run has failed. */
export function gateStatus({ state }: Pick<Plan, 'state'>): 'running' | 'passed' | 'failed' {
  if (state === 'succeeded') return 'passed';
  return state === 'running' || state === 'compensating' ? 'running' : 'failed';
}

/** Returns the critical check that ended the run, if one did not pass. */
export const failedCheck = ({ steps }: Plan): string | undefined =>
  steps.find(({ state, severity }) => state === 'failed' && severity === 'critical')?.id;
