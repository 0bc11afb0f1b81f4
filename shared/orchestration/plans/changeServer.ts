import { type Result, fail, succeed } from '../../platform/base/result.ts';
import type { Stored } from '../../platform/tables/tables.ts';
import { traceparentOf } from '../../platform/telemetry/trace.ts';
import type { ServerContent, ServerRecord } from '../../registry/records/server.ts';
import { type Caller, actorOf, idFor } from '../model/caller.ts';
import { beginOnce, beginPlan, resumePlan } from '../engine/beginPlan.ts';
import type { Plan, StepDefinition } from '../model/plan.ts';
import { inOrder } from '../model/stepGraph.ts';
import {
  type RecordContent,
  checkSecretFree,
  contentOf,
  recordContent,
  tokenFor,
  validationInput,
} from '../servers/recordContent.ts';
import type { RegistrationDeps } from './registerServer.ts';

/** Which server is meant; with an ETag, only as it was when that was read. */
export interface ServerChange {
  readonly slug: string;
  readonly etag?: string | undefined;
}

/**
 * Begins the plan that puts new content into a server's record once the server has been validated with it. Until then, and
 * when that fails, the record stays as it is. Failures: `not_found`; `conflict` where the ETag is not the record's any
 * more; `already_exists` while it is being registered; `invalid` URL.
 */
export function updateServer(
  change: ServerChange,
  content: ServerContent,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> {
  return beginOnce(caller, deps, async () => {
    const stored = await findSettled(change, caller, deps);
    if (!stored.ok) return stored;
    const { slug, owner } = stored.value.value;
    const said = { ...content, owner: content.owner ?? owner };
    const next = recordContent(slug, said, caller.principal, deps, stored.value.value);
    if (!next.ok) return next;
    const steps = updateSteps(slug, stored.value.etag, next.value);
    return succeed(await begin('server_update', steps, caller, deps, tokenFor(next.value, caller, deps)));
  });
}

/**
 * Begins the plan that validates a server again, with the content that it has. Failures as of `updateServer`; `invalid` where
 * its `server.json` holds a secret.
 */
export function refreshServer(
  change: ServerChange,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> {
  return beginOnce(caller, deps, async () => {
    const stored = await findSettled(change, caller, deps);
    if (!stored.ok) return stored;
    const { etag, value } = stored.value;
    const isFree = checkSecretFree(value);
    if (!isFree.ok) return isFree;
    const steps = updateSteps(value.slug, etag, contentOf(value));
    return succeed(await begin('server_refresh', steps, caller, deps, tokenFor(value, caller, deps)));
  });
}

/**
 * Begins the plan that takes a server out of the registry; with an ETag, only as it was then. Failures: `not_found`, `conflict`;
 * `already_exists` for a repeated request, where the server was registered again since the first one removed it.
 */
export async function removeServer(
  change: ServerChange,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> {
  const earlier = await resumePlan(caller, deps);
  if (earlier) return stillRemoved(change, earlier, caller, deps);
  const stored = await find(change, caller, deps);
  if (!stored.ok) return stored;
  const { slug } = stored.value.value;
  const steps = (): readonly StepDefinition[] => [
    authenticate,
    audit(slug, 'removal'),
    {
      id: 'remove_server',
      agent: 'mcp-orchestrator',
      task: 'remove_server',
      input: change.etag === undefined ? { slug } : { slug, etag: stored.value.etag },
    },
  ];
  return succeed(await begin('server_removal', steps, caller, deps));
}

/** The plan of a removal, as long as no server has been registered in the place of the one that it removed. */
async function stillRemoved(
  { slug }: ServerChange,
  plan: Plan,
  { principal }: Caller,
  { servers }: RegistrationDeps,
): Promise<Result<Plan>> {
  if (plan.state !== 'succeeded' || !(await servers.find(principal.tenantId, slug))) return succeed(plan);
  const message = `the request with this Idempotency-Key removed an earlier server "${slug}", and the slug was registered anew since: send a new key to remove this one`;
  return fail({ kind: 'already_exists', message });
}

async function find(
  { slug, etag }: ServerChange,
  { principal }: Caller,
  { servers }: RegistrationDeps,
): Promise<Result<Stored<ServerRecord>>> {
  const stored = await servers.find(principal.tenantId, slug);
  if (!stored) return fail({ kind: 'not_found', message: `there is no server "${slug}"` });
  if (etag === undefined || etag === stored.etag) return succeed(stored);
  return fail({
    kind: 'conflict',
    message: `the server "${slug}" has been changed since: read it again, and decide again`,
  });
}

async function findSettled(
  change: ServerChange,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Stored<ServerRecord>>> {
  const stored = await find(change, caller, deps);
  if (!stored.ok || stored.value.value.status !== 'pending') return stored;
  const message = `the server "${change.slug}" is being registered: wait until that has ended`;
  return fail({ kind: 'already_exists', message });
}

const authenticate: StepDefinition = {
  id: 'authenticate_admin',
  agent: 'mcp-security-auditor',
  task: 'authenticate_admin',
  input: {},
};

const audit = (slug: string, act: 'update' | 'removal'): StepDefinition => ({
  id: 'audit_registration',
  agent: 'mcp-security-auditor',
  task: 'audit_registration',
  input: { slug, act },
});

/** The change itself comes last, once it is in the audit trail: so there is nothing that would have to be undone. */
const updateSteps =
  (slug: string, etag: string, content: RecordContent) =>
  (planId: string): readonly StepDefinition[] => [
    authenticate,
    {
      id: 'validate_server_config',
      agent: 'fastmcp-specialist',
      task: 'validate_server_config',
      input: validationInput(content),
    },
    audit(slug, 'update'),
    {
      id: 'update_server',
      agent: 'mcp-orchestrator',
      task: 'update_server',
      input: { slug, etag, planId, content, discovery: { $resultOf: 'validate_server_config' } },
      references: ['/discovery'],
    },
  ];

/** Begins a plan whose steps run one after another. */
async function begin(
  name: string,
  stepsOf: (planId: string) => readonly StepDefinition[],
  caller: Caller,
  deps: RegistrationDeps,
  token?: string,
): Promise<Plan> {
  const { tenantId, userId } = caller.principal;
  const session = token === undefined ? undefined : await deps.sessions.open(caller.principal, token);
  const id = idFor(caller, deps.newId);
  const start = {
    id,
    tenantId,
    name,
    requestedBy: userId,
    actor: actorOf(caller, session),
    grantedBy: `plan ${name}`,
    ...(session && { sessionId: session.id }),
    traceparent: traceparentOf(caller.trace),
  };
  return beginPlan(start, inOrder(stepsOf(id)), deps);
}
