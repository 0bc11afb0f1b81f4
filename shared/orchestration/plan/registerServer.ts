import type { Principal } from '../../identity/principal.ts';
import { type AddressPolicy, checkOutboundUrl } from '../../platform/addressRules.ts';
import { invalid } from '../../platform/invalid.ts';
import { type Result, fail, succeed } from '../../platform/result.ts';
import { type Trace, traceparentOf } from '../../platform/trace.ts';
import type { Registration, ServerRecord } from '../../registry/server.ts';
import type { ServerStore } from '../../registry/serverStore.ts';
import { deliverSteps } from './deliverSteps.ts';
import type { OrchestrationDeps } from '../deps.ts';
import { type PlanStepDefinition, startPlan } from './plan.ts';

export interface RegistrationDeps extends OrchestrationDeps {
  readonly servers: ServerStore;
  readonly upstreamPolicy: AddressPolicy;
  /** Where clients reach the gateway. Registered as a server of its own it would call itself without end. */
  readonly publicOrigin: string;
}

/** Between the record and its plan a process may die; after this a registration without a plan is given up. */
const ORPHANED_AFTER_MS = 60_000;

/**
 * Takes the slug for the tenant and starts the plan that decides whether the server becomes active.
 * Failures: `invalid` URL; `already_exists`, unless what has the slug was rejected or never got its plan.
 */
export async function registerServer(
  registration: Registration,
  caller: { readonly principal: Principal; readonly trace: Trace },
  deps: RegistrationDeps,
): Promise<Result<ServerRecord>> {
  const url = checkOutboundUrl(registration.url, deps.upstreamPolicy);
  if (!url.ok) return url;
  if (url.value.origin === deps.publicOrigin) {
    return invalid('url', "must not be the gateway's own address");
  }
  const now = deps.clock.now();
  const { tenantId, userId } = caller.principal;
  const planId = deps.newId();
  const record: ServerRecord = {
    tenantId,
    slug: registration.slug,
    url: url.value.href,
    title: registration.title ?? registration.slug,
    description: registration.description ?? '',
    ...(registration.server && { server: registration.server }),
    status: 'pending',
    planId,
    createdBy: userId,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
  };
  if (!(await takeSlug(record, now, deps))) {
    const message = `a server with the slug "${record.slug}" is registered already: choose another slug, or delete that server first`;
    return fail({ kind: 'already_exists', message, errors: [{ path: 'slug', message: 'is taken' }] });
  }
  const plan = startPlan(
    {
      id: planId,
      tenantId,
      name: 'server_registration_with_auth',
      requestedBy: userId,
      traceparent: traceparentOf(caller.trace),
    },
    registrationSteps(record),
    now,
  );
  await deps.plans.add(plan);
  await deliverSteps(plan, deps);
  return succeed(record);
}

async function takeSlug(
  record: ServerRecord,
  now: Date,
  { servers, plans }: RegistrationDeps,
): Promise<boolean> {
  if ((await servers.add(record)) === 'inserted') return true;
  const existing = await servers.find(record.tenantId, record.slug);
  if (!existing) return (await servers.add(record)) === 'inserted';
  const { status, planId, createdAt } = existing.value;
  // The client below repeats a request whose answer was lost: then the record that exists is this one.
  if (planId === record.planId) return true;
  const abandoned =
    status === 'pending' &&
    now.getTime() - new Date(createdAt).getTime() > ORPHANED_AFTER_MS &&
    !(await plans.find(record.tenantId, planId));
  if (status !== 'rejected' && !abandoned) return false;
  return (await servers.replace(record, existing.etag)) === 'replaced';
}

/** The specialist tries the server; whatever comes of it, the orchestrator writes it into the registry. */
function registrationSteps({ slug, url, planId }: ServerRecord): PlanStepDefinition[] {
  return [
    {
      id: 'validate_server_config',
      agent: 'fastmcp-specialist',
      task: 'validate_server_config',
      input: { url },
      dependsOn: [],
      onFailure: 'continue',
    },
    {
      id: 'update_registry',
      agent: 'mcp-orchestrator',
      task: 'update_registry',
      input: { slug, planId, validation: { $outcomeOf: 'validate_server_config' } },
      dependsOn: ['validate_server_config'],
      onFailure: 'stop',
    },
  ];
}
