import { type Result, fail } from '../../platform/base/result.ts';
import type { Registration } from '../../registry/records/server.ts';
import { sealUrl } from '../../registry/records/serverUrl.ts';
import type { Caller } from '../model/caller.ts';
import { beginOnce } from '../engine/beginPlan.ts';
import { type PooledPlan, beginWithinPools } from '../engine/beginWithinPools.ts';
import type { Plan, StepDefinition } from '../model/plan.ts';
import type { RegistrationDeps } from './registerServer.ts';

export const MAX_SERVERS = 500;
/** Servers of one step, which registers them one after another. */
const CHUNK = 25;
/** The plan's row holds all of them. */
const MAX_LENGTH = 300_000;
const CHUNK_TIMEOUT_MS = 20 * 60_000;

/**
 * Begins one plan that registers many servers, each by a plan of its own and each with its own end. As many are registered at
 * the same time as the resource pools give connections. Failures: `exhausted`, `too_large`.
 */
export function registerServers(
  given: readonly Registration[],
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> {
  const registrations = given.map((registration) => sealed(registration, caller, deps));
  return beginOnce(caller, deps, () => begin(registrations, caller, deps));
}

async function begin(
  registrations: readonly Registration[],
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> {
  if (JSON.stringify(registrations).length > MAX_LENGTH) {
    const message = `the servers are longer than ${MAX_LENGTH} characters of JSON: register fewer at a time`;
    return fail({ kind: 'too_large', message });
  }
  const plan: PooledPlan = {
    name: 'bulk_server_registration',
    grantedBy: 'plan bulk_server_registration',
    operation: 'bulk_server_registration',
    estimatedLoad: { serverCount: registrations.length, adminCount: 1 },
    steps: ({ databaseConnections }) => bulkSteps(registrations, Math.max(1, databaseConnections)),
  };
  return beginWithinPools(plan, caller, deps);
}

/** Seals the secrets of the URL, since plans and messages must not hold them. */
const sealed = (
  registration: Registration,
  { principal }: Caller,
  { seal }: RegistrationDeps,
): Registration => ({
  ...registration,
  ...sealUrl(registration.url, principal.tenantId, seal),
});

/** Chunks in lanes: a chunk waits for the one before it in its lane, whatever comes of that. */
function bulkSteps(registrations: readonly Registration[], lanes: number): readonly StepDefinition[] {
  const count = Math.ceil(registrations.length / CHUNK);
  const chunks = Array.from({ length: count }, (_, index): StepDefinition => {
    const before = index < lanes ? 'authenticate_admin' : chunkId(index - lanes);
    return {
      id: chunkId(index),
      agent: 'mcp-orchestrator',
      task: 'register_servers',
      input: { servers: registrations.slice(index * CHUNK, (index + 1) * CHUNK) },
      dependsOn: [before],
      onFailure: 'continue',
      timeoutMs: CHUNK_TIMEOUT_MS,
    };
  });
  return [
    { id: 'authenticate_admin', agent: 'mcp-security-auditor', task: 'authenticate_admin', input: {} },
    ...chunks,
  ];
}

const chunkId = (index: number): string => `register_${index + 1}`;
