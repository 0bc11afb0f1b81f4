import { type Result, fail, succeed } from '../../platform/base/result.ts';
import { traceparentOf } from '../../platform/telemetry/trace.ts';
import type { Registration, ServerRecord } from '../../registry/records/server.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import { type Caller, actorOf, idFor } from '../model/caller.ts';
import type { Outcome } from '../model/outcome.ts';
import type { OrchestrationDeps } from '../engine/deps.ts';
import { advancePlan } from '../engine/advancePlan.ts';
import { resumePlan, storePlan } from '../engine/beginPlan.ts';
import type { Plan, StepDefinition } from '../model/plan.ts';
import { type ContentRules, recordContent, tokenFor, validationInput } from '../servers/recordContent.ts';
import { checkSlug, takeSlug } from '../servers/takeSlug.ts';

export interface RegistrationDeps extends OrchestrationDeps, ContentRules {
  readonly servers: ServerStore;
}

/** A server whose registration has begun. */
export interface Registering {
  readonly record: ServerRecord;
  readonly plan: Plan;
}

/**
 * Stores the plan that decides whether the server becomes active, then takes the slug for the tenant: the first step of that
 * plan, which the sweeper completes where the process dies in between. Failures, before anything is stored: `invalid` URL;
 * `already_exists`, where the slug belongs to a server or to a registration that goes on, and for a repeated request whose
 * server was removed since.
 */
export async function registerServer(
  registration: Registration,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Registering>> {
  const earlier = await resumePlan(caller, deps);
  if (earlier && slugStep(earlier)?.state !== 'queued') return stillRegistered(registration, earlier, deps);
  const { slug } = registration;
  const { tenantId, userId } = caller.principal;
  const content = recordContent(slug, registration, caller.principal, deps);
  if (!content.ok) return content;
  const planId = idFor(caller, deps.newId);
  const record: ServerRecord = {
    tenantId,
    slug,
    ...content.value,
    status: 'pending',
    planId,
    createdBy: userId,
    ...bornAt(deps.clock.now().toISOString()),
  };
  const free = await checkSlug(record, (await deps.servers.find(tenantId, slug))?.value, deps);
  if (!free.ok) return free;
  const token = tokenFor(record, caller, deps);
  const session = token === undefined ? undefined : await deps.sessions.open(caller.principal, token);
  const start = {
    id: planId,
    tenantId,
    name: 'server_registration_with_auth',
    requestedBy: userId,
    actor: actorOf(caller, session),
    grantedBy: 'plan server_registration_with_auth',
    ...(session && { sessionId: session.id }),
    traceparent: traceparentOf(caller.trace),
  };
  const stored = await storePlan(start, registrationSteps(record), deps);
  // No record is younger than its plan, also when an earlier sending of the request stored the plan.
  const taken = await takeSlug({ ...record, ...bornAt(stored.createdAt) }, deps);
  const outcome: Outcome = taken.ok
    ? { success: true, result: { slug, status: 'pending' } }
    : { success: false, error: { kind: taken.error.kind, message: taken.error.message } };
  const advanced = await advancePlan({ tenantId, planId, stepId: TAKE_SLUG, outcome }, deps);
  return taken.ok ? succeed({ record: taken.value, plan: advanced ?? stored }) : taken;
}

/** The times of a record that is new. */
const bornAt = (at: string) => ({ statusChangedAt: at, createdAt: at, updatedAt: at });

const TAKE_SLUG = 'take_slug';
const slugStep = ({ steps }: Plan) => steps.find(({ id }) => id === TAKE_SLUG);

/** Returns the server of an earlier sending. Failure: `already_exists`, where that was refused or the server removed since. */
async function stillRegistered(
  { slug }: Registration,
  plan: Plan,
  { servers }: RegistrationDeps,
): Promise<Result<Registering>> {
  const refused = slugStep(plan)?.error;
  if (refused) return fail({ kind: 'already_exists', message: refused.message });
  const record = (await servers.find(plan.tenantId, slug))?.value;
  if (record && Date.parse(record.createdAt) <= Date.parse(plan.createdAt)) return succeed({ record, plan });
  const message = `the request with this Idempotency-Key registered an earlier server "${slug}", which was removed since: send a new key to register it anew`;
  return fail({ kind: 'already_exists', message });
}

/**
 * Returns the steps: the slug, authentication, validation, registration, audit. Each begins when the one before it has
 * succeeded. If a step after the first fails, its compensation rejects the server with the reason.
 */
function registrationSteps(record: ServerRecord): StepDefinition[] {
  const { slug, planId } = record;
  return [
    {
      id: TAKE_SLUG,
      agent: 'mcp-orchestrator',
      task: TAKE_SLUG,
      input: { record },
      compensation: {
        agent: 'mcp-orchestrator',
        task: 'reject_registration',
        input: { slug, planId, error: { $planError: true } },
        references: ['/error'],
      },
    },
    {
      id: 'authenticate_admin',
      agent: 'mcp-security-auditor',
      task: 'authenticate_admin',
      input: {},
      dependsOn: [TAKE_SLUG],
    },
    {
      id: 'validate_server_config',
      agent: 'fastmcp-specialist',
      task: 'validate_server_config',
      input: validationInput(record),
      dependsOn: ['authenticate_admin'],
    },
    {
      id: 'update_registry',
      agent: 'mcp-orchestrator',
      task: 'update_registry',
      input: { slug, planId, discovery: { $resultOf: 'validate_server_config' } },
      references: ['/discovery'],
      dependsOn: ['validate_server_config'],
    },
    {
      id: 'audit_registration',
      agent: 'mcp-security-auditor',
      task: 'audit_registration',
      input: { slug, act: 'registered' },
      dependsOn: ['update_registry'],
    },
  ];
}
