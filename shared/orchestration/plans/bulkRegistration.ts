import * as z from 'zod';
import { fail, type Result } from '../../platform/base/result.ts';
import { type Registration, registrationSchema } from '../../registry/records/server.ts';
import { sealUrl } from '../../registry/records/serverUrl.ts';
import { beginOnce, beginPooledPlan } from '../engine/beginPlan.ts';
import type { Caller } from '../model/caller.ts';
import {
  BULK_CHUNK_TIMEOUT_MS,
  MAX_BULK_LENGTH,
  MAX_BULK_SERVERS,
  SERVERS_PER_CHUNK,
} from '../model/limits.ts';
import type { Plan, StepDefinition } from '../model/plan.ts';
import { inOrder } from '../model/stepGraph.ts';
import { definePlan, type RegistrationDeps, step } from './namedPlan.ts';
import { authenticateAdmin, openValidationSession } from './serverSteps.ts';

const NAME = 'bulk_server_registration';
const registerChunk = step('register_servers', 'mcp-orchestrator');

export const bulkRegistrationPlan = definePlan({
  name: NAME,
  description: `Registers up to ${MAX_BULK_SERVERS} servers within the budget of the resource pools.`,
  permission: 'servers.write',
  input: z.strictObject({ servers: z.array(registrationSchema).min(1).max(MAX_BULK_SERVERS) }),
  // A run has one step for each chunk of servers.
  steps: inOrder([authenticateAdmin, registerChunk]),
  begin: ({ servers }, caller, deps) => begin(servers, caller, deps),
});

/**
 * Begins one plan that registers many servers, each by a plan of its own and each with its own end. As many are registered at
 * the same time as the resource pools give connections. Failures: `exhausted`, `too_large`.
 */
export const registerServers = (
  registrations: readonly Registration[],
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> => beginOnce(caller, deps, () => begin(registrations, caller, deps));

async function begin(
  given: readonly Registration[],
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> {
  // Plans and messages must not hold the secrets of a URL.
  const registrations = given.map((registration) => ({
    ...registration,
    ...sealUrl(registration.url, caller.actor.tenantId, deps.seal),
  }));
  if (JSON.stringify(registrations).length > MAX_BULK_LENGTH) {
    const message = `the servers are longer than ${MAX_BULK_LENGTH} characters of JSON: register fewer at a time`;
    return fail({ kind: 'too_large', message });
  }
  const session = await openValidationSession(registrations, caller, deps);
  const plan = {
    name: NAME,
    grantedBy: `plan ${NAME}`,
    session,
    operation: NAME,
    estimatedLoad: { serverCount: registrations.length, adminCount: 1 },
    steps: ({ databaseConnections }: { readonly databaseConnections: number }) =>
      bulkSteps(registrations, Math.max(1, databaseConnections)),
  } as const;
  const begun = await beginPooledPlan(plan, caller, deps);
  if (!begun.ok && session) await deps.sessions.end(caller.actor.tenantId, session.id);
  return begun;
}

/** Returns chunks in lanes. A chunk waits for the one before it in its lane, and runs whether that succeeded or failed. */
function bulkSteps(registrations: readonly Registration[], lanes: number): readonly StepDefinition[] {
  const count = Math.ceil(registrations.length / SERVERS_PER_CHUNK);
  const chunks = Array.from({ length: count }, (_, index): StepDefinition => ({
    ...registerChunk,
    id: chunkId(index),
    input: { servers: registrations.slice(index * SERVERS_PER_CHUNK, (index + 1) * SERVERS_PER_CHUNK) },
    dependsOn: [index < lanes ? authenticateAdmin.id : chunkId(index - lanes)],
    onFailure: 'continue',
    timeoutMs: BULK_CHUNK_TIMEOUT_MS,
  }));
  return [authenticateAdmin, ...chunks];
}

const chunkId = (index: number): string => `register_${index + 1}`;
