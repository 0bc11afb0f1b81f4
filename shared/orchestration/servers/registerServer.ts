import { type Result, fail, succeed } from '../../platform/result.ts';
import { traceparentOf } from '../../platform/trace.ts';
import type { Registration, ServerRecord } from '../../registry/server.ts';
import type { ServerStore } from '../../registry/serverStore.ts';
import { type Caller, idFor } from '../caller.ts';
import type { OrchestrationDeps } from '../deps.ts';
import { beginPlan, resumePlan } from '../plan/beginPlan.ts';
import type { Plan, StepDefinition } from '../plan/plan.ts';
import { type ContentRules, recordContent, tokenFor, validationInput } from './content.ts';

export interface RegistrationDeps extends OrchestrationDeps, ContentRules {
  readonly servers: ServerStore;
}

/** Between the record and its plan a process may die; after this a registration without a plan is given up. */
const ORPHANED_AFTER_MS = 60_000;

/** A server whose registration has begun. */
export interface Registering {
  readonly record: ServerRecord;
  readonly plan: Plan;
}

/**
 * Takes the slug for the tenant and starts the plan that decides whether the server becomes active.
 * Failures: `invalid` URL; `already_exists`, unless what has the slug was rejected or never got its plan, and for a repeated
 * request whose server was removed since.
 */
export async function registerServer(
  registration: Registration,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Registering>> {
  const earlier = await resumePlan(caller, deps);
  if (earlier) return stillRegistered(registration, earlier, deps);
  const { slug } = registration;
  const { tenantId, userId } = caller.principal;
  const content = recordContent(slug, registration, caller.principal, deps);
  if (!content.ok) return content;
  const now = deps.clock.now();
  const planId = idFor(caller, deps.newId);
  const record: ServerRecord = {
    tenantId,
    slug,
    ...content.value,
    status: 'pending',
    statusChangedAt: now.toISOString(),
    planId,
    createdBy: userId,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
  };
  const taken = await takeSlug(record, now, deps);
  if (!taken) {
    const message = `a server with the slug "${record.slug}" is registered already: choose another slug, or delete that server first`;
    return fail({ kind: 'already_exists', message, errors: [{ path: 'slug', message: 'is taken' }] });
  }
  // The plan asks anew whether its owner may do this, at the time when it does it.
  const session = await deps.sessions.open(caller.principal, tokenFor(record, caller, deps));
  const plan = await beginPlan(
    {
      id: planId,
      tenantId,
      name: 'server_registration_with_auth',
      requestedBy: userId,
      grantedBy: 'plan server_registration_with_auth',
      sessionId: session.id,
      traceparent: traceparentOf(caller.trace),
    },
    registrationSteps(record),
    deps,
  );
  return succeed({ record: taken, plan });
}

/** The server of an earlier sending of the same request. Failure: `already_exists` where it was removed since. */
async function stillRegistered(
  { slug }: Registration,
  plan: Plan,
  { servers }: RegistrationDeps,
): Promise<Result<Registering>> {
  const record = (await servers.find(plan.tenantId, slug))?.value;
  if (record && Date.parse(record.createdAt) <= Date.parse(plan.createdAt)) return succeed({ record, plan });
  const message = `the request with this Idempotency-Key registered an earlier server "${slug}", which was removed since: send a new key to register it anew`;
  return fail({ kind: 'already_exists', message });
}

/** The record that has the slug then: this one, or what an earlier try of the same request made of it. */
async function takeSlug(
  record: ServerRecord,
  now: Date,
  { servers, plans }: RegistrationDeps,
): Promise<ServerRecord | undefined> {
  if ((await servers.add(record)) === 'inserted') return record;
  const existing = await servers.find(record.tenantId, record.slug);
  if (!existing) return (await servers.add(record)) === 'inserted' ? record : undefined;
  const { status, planId, createdAt } = existing.value;
  // The same request made twice, or a write whose answer was lost and which was repeated.
  if (planId === record.planId) return existing.value;
  const abandoned =
    status === 'pending' &&
    now.getTime() - new Date(createdAt).getTime() > ORPHANED_AFTER_MS &&
    !(await plans.find(record.tenantId, planId));
  if (status !== 'rejected' && !abandoned) return undefined;
  return (await servers.replace(record, existing.etag)).status === 'replaced' ? record : undefined;
}

/**
 * Authentication, validation, registration, audit: each only once the one before it has succeeded. The slug is taken by
 * then; if a step fails the server is rejected with the reason, whatever had been entered of it.
 */
function registrationSteps(record: ServerRecord): StepDefinition[] {
  const { slug, planId } = record;
  return [
    {
      id: 'take_slug',
      agent: 'mcp-orchestrator',
      task: 'take_slug',
      input: { slug },
      done: true,
      compensation: {
        agent: 'mcp-orchestrator',
        task: 'reject_registration',
        input: { slug, planId, error: { $planError: true } },
        references: ['/error'],
      },
    },
    { id: 'authenticate_admin', agent: 'mcp-security-auditor', task: 'authenticate_admin', input: {} },
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
