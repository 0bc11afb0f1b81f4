import { z } from 'zod';
import { principalSchema } from '../../identity/access/actor.ts';
import { agentNames } from './agents.ts';
import { taskErrorSchema } from './outcome.ts';

/** Why a step failed: as its delegation did, or because its result is a verdict that did not pass. */
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
  /** Where the input holds references to other steps, as JSON pointers: see `references.ts`. All else in it is data. */
  references: z.array(z.string()).optional(),
});

const compensationSchema = workSchema.extend({
  state: z.enum(['waiting', 'queued', 'succeeded', 'failed']),
  error: stepErrorSchema.optional(),
});

/**
 * A step waits until all that it depends on has ended, is then queued, and ends with its delegation. It is skipped when
 * what it needs failed, or when nothing new is to begin. Once the plan has failed or was cancelled, what succeeded is
 * compensated: step by step, the last that succeeded first.
 */
const stepSchema = workSchema.extend({
  id: z.string(),
  dependsOn: z.array(z.string()),
  /** How long its delegation may take, repetitions included. */
  timeoutMs: z.int().optional(),
  severity: severitySchema,
  onFailure: onFailureSchema,
  compensation: compensationSchema.optional(),
  state: z.enum(['waiting', 'queued', 'succeeded', 'failed', 'skipped', 'compensated']),
  error: stepErrorSchema.optional(),
  queuedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
  /** Its place among the steps that have ended, from 1 on: two may end in the same millisecond. */
  ended: z.int().optional(),
});
export type PlanStep = z.infer<typeof stepSchema>;

/** A plan is a graph of steps, each a delegation. Results stay with those: a plan's row must not grow with them. */
export const planSchema = z.object({
  id: z.string(),
  tenantId: z.string(),
  name: z.string(),
  /** The quality gate that it is a run of. */
  gate: z.string().optional(),
  state: z.enum(['running', 'compensating', 'succeeded', 'failed', 'cancelled']),
  steps: z.array(stepSchema),
  /** Counts its changes. */
  revision: z.int(),
  /** Somebody wants it to end: nothing new begins. */
  cancelled: z.boolean().optional(),
  requestedBy: z.string(),
  /** On whose behalf its steps are done; absent for plans of the system's own. */
  actor: principalSchema.optional(),
  /** The plan or gate of the gateway that authorises its steps. Their tasks then need no permission of the actor. */
  grantedBy: z.string().optional(),
  sessionId: z.string().optional(),
  /** What it holds of the resource pools until it ends. */
  allocationId: z.string().optional(),
  traceparent: z.string(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().optional(),
});
export type Plan = z.infer<typeof planSchema>;

/** A step as whoever makes the plan gives it. Absent: critical, stop, nothing to depend on and nothing to compensate. */
export type StepDefinition = z.infer<typeof workSchema> &
  Partial<Pick<PlanStep, 'dependsOn' | 'timeoutMs' | 'severity' | 'onFailure'>> & {
    readonly id: string;
    readonly compensation?: z.infer<typeof workSchema>;
  };

export const hasEnded = ({ state }: Pick<Plan, 'state'>): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled';
