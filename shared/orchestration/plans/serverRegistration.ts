import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { type Registration, registrationSchema, type ServerRecord } from '../../registry/records/server.ts';
import { advancePlan } from '../engine/advancePlan.ts';
import { planStart, resumePlan, storePlan } from '../engine/beginPlan.ts';
import { type Caller, idFor } from '../model/caller.ts';
import type { Outcome } from '../model/delegation.ts';
import type { Plan } from '../model/plan.ts';
import { inOrder } from '../model/stepGraph.ts';
import { recordContent } from '../servers/recordContent.ts';
import { checkSlug, takeSlug } from '../servers/takeSlug.ts';
import { definePlan, type RegistrationDeps, step, withInputs } from './namedPlan.ts';
import {
  auditRegistration,
  authenticateAdmin,
  openValidationSession,
  validateServer,
  validationInput,
} from './serverSteps.ts';

const NAME = 'server_registration_with_auth';
const TAKE_SLUG = 'take_slug';

/** Each step begins when the one before it has succeeded. */
const steps = inOrder([
  step(TAKE_SLUG, 'mcp-orchestrator'),
  authenticateAdmin,
  validateServer,
  step('update_registry', 'mcp-orchestrator'),
  auditRegistration,
]);

export const serverRegistrationPlan = definePlan({
  name: NAME,
  description: 'Registers a server: authentication, validation, entry into the registry, audit.',
  permission: 'servers.write',
  input: registrationSchema,
  steps,
  async begin(registration, caller, deps) {
    const registering = await begin(registration, caller, deps);
    return registering.ok ? succeed(registering.value.plan) : registering;
  },
});

/** A server whose registration has begun. */
export interface Registering {
  readonly record: ServerRecord;
  readonly plan: Plan;
}

/**
 * Begins the registration of a server, or returns the registration that an earlier sending of the same request began.
 * Failures, before anything is stored: `invalid` URL; `already_exists`, where the slug belongs to a server or to a registration
 * that goes on, and for a repeated request whose server was removed since.
 */
export async function registerServer(
  registration: Registration,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Registering>> {
  const earlier = await resumePlan(caller, deps);
  const isBegun = earlier && slugStep(earlier)?.state !== 'queued';
  return isBegun ? resume(registration, earlier, deps) : begin(registration, caller, deps);
}

/**
 * Stores the plan that decides whether the server becomes active, then takes the slug for the tenant. That is the first step
 * of the plan: the sweeper completes it after a crash in between.
 */
async function begin(
  registration: Registration,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Registering>> {
  const { slug } = registration;
  const { tenantId, userId } = caller.actor;
  const content = recordContent(slug, registration, caller.actor, deps);
  if (!content.ok) return content;
  const planId = idFor(caller, deps.newId);
  const record: ServerRecord = {
    tenantId,
    slug,
    ...content.value,
    status: 'pending',
    planId,
    createdBy: userId,
    ...createdAt(deps.clock.now().toISOString()),
  };
  const free = await checkSlug(record, (await deps.servers.find(tenantId, slug))?.value, deps);
  if (!free.ok) return free;
  const session = await openValidationSession([record], caller, deps);
  const start = planStart({ name: NAME, grantedBy: `plan ${NAME}`, session }, caller, planId);
  const stored = await storePlan(start, registrationSteps(record, registration.disabled === true), deps);
  // An earlier sending of the request may have stored the plan. The record must not be younger than it.
  const taken = await takeSlug({ ...record, ...createdAt(stored.createdAt) }, deps);
  const outcome: Outcome = taken.ok
    ? { success: true, result: { slug, status: 'pending' } }
    : { success: false, error: { kind: taken.error.kind, message: taken.error.message } };
  const advanced = await advancePlan({ tenantId, planId, stepId: TAKE_SLUG, outcome }, deps);
  return taken.ok ? succeed({ record: taken.value, plan: advanced ?? stored }) : taken;
}

/** Returns the times of a new record. */
const createdAt = (at: string) => ({ statusChangedAt: at, createdAt: at, updatedAt: at });

const slugStep = (plan: Plan) => plan.steps.find(({ id }) => id === TAKE_SLUG);

/** Returns the server of an earlier sending. Failure: `already_exists`, where that was refused or the server removed since. */
async function resume(
  { slug }: Registration,
  plan: Plan,
  { servers }: RegistrationDeps,
): Promise<Result<Registering>> {
  const refused = slugStep(plan)?.error;
  if (refused) return fail({ kind: 'already_exists', message: refused.message });
  const record = (await servers.find(plan.tenantId, slug))?.value;
  if (record && Date.parse(record.createdAt) <= Date.parse(plan.createdAt)) return succeed({ record, plan });
  const message = `the request with this Idempotency-Key registered an earlier server "${slug}", which was removed since: send a new key to register it again`;
  return fail({ kind: 'already_exists', message });
}

/** If a step after the first fails, the compensation of the first rejects the server with the reason. */
const registrationSteps = (record: ServerRecord, disabled: boolean) => {
  const { slug, planId } = record;
  return withInputs(steps, {
    [TAKE_SLUG]: {
      input: { record },
      compensation: {
        agent: 'mcp-orchestrator',
        task: 'reject_registration',
        input: { slug, planId, error: { $planError: true } },
        references: ['/error'],
      },
    },
    [validateServer.id]: { input: validationInput(slug, record) },
    update_registry: {
      input: { slug, planId, ...(disabled && { disabled }), discovery: { $resultOf: validateServer.id } },
      references: ['/discovery'],
    },
    [auditRegistration.id]: { input: { slug, act: 'registered' } },
  });
};
