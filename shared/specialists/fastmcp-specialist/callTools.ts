import type { JsonObject } from '../../gateway/protocol/jsonRpc.ts';
import { outcomeOf } from '../../gateway/upstream/answer.ts';
import { createConnector } from '../../gateway/upstream/connector.ts';
import type { Connection, UpstreamCall } from '../../gateway/upstream/connection.ts';
import { UpstreamFault } from '../../gateway/upstream/fault.ts';
import { createGuard } from '../../gateway/upstream/protection.ts';
import { createResting } from '../../gateway/upstream/circuitBreaker.ts';
import type { ActiveServer } from '../../gateway/catalogue/catalogue.ts';
import type { Principal } from '../../identity/access/actor.ts';
import { continueTrace, traceparentOf } from '../../platform/telemetry/trace.ts';
import type { Tool } from '../../registry/records/server.ts';
import type { SpecialistDeps } from '../deps.ts';

/** What a tool gave; `failed` where it gave no result, in the gateway's words. */
export type Given =
  | { readonly kind: 'result'; readonly result: JsonObject; readonly durationMs: number }
  | { readonly kind: 'rpc_error'; readonly code: number }
  | { readonly kind: 'failed'; readonly why: string };

export interface Caller {
  readonly principal: Principal;
  /** For servers that each user signs in to. */
  readonly token: string | undefined;
  readonly traceId: string;
  readonly signal: AbortSignal;
}

const CALL_WITHIN_MS = 6_000;

/**
 * Calls tools of a server without arguments, one after another, as the data path does: with its credentials, in its era,
 * behind the guard, and with a record of each call in the audit trail. Ends what it opened.
 */
export async function callTools(
  server: ActiveServer,
  tools: readonly Tool[],
  { principal, token, traceId, signal }: Caller,
  deps: Pick<SpecialistDeps, 'outboundTo' | 'newId' | 'shortLived' | 'clock' | 'audit' | 'tenants'>,
): Promise<ReadonlyMap<string, Given>> {
  const { outboundTo, newId, shortLived: state, clock, audit, tenants } = deps;
  const guard = createGuard(createResting({ state, clock }), tenants.size);
  const connector = createConnector(outboundTo, newId, guard);
  const caller = {
    principal,
    session: undefined,
    user: () => (token === undefined ? undefined : { principal, token }),
  };
  const connection = connector.connect(server, caller);
  const given = new Map<string, Given>();
  for (const [index, tool] of tools.entries()) {
    if (signal.aborted) break;
    const call = {
      id: index + 1,
      method: 'tools/call',
      params: { name: tool.name, arguments: {} },
      tool,
      envelope: undefined,
      traceparent: traceparentOf({ ...continueTrace(undefined), traceId }),
    };
    const startedAt = performance.now();
    const came = await ask(connection, call, AbortSignal.any([signal, AbortSignal.timeout(CALL_WITHIN_MS)]));
    given.set(tool.name, came);
    audit.append({
      tenantId: principal.tenantId,
      actor: principal.userId,
      action: 'tools/call',
      resource: `servers/${server.slug}/tools/${tool.name}`,
      decision: 'allowed',
      outcome: outcomeName(came),
      durationMs: performance.now() - startedAt,
      traceId,
    });
  }
  if (server.discovery.era === 'legacy' && server.discovery.transport !== 'sse')
    await connector
      .sessionOf(server, caller)
      .get()
      .then((session) => session.close())
      .catch(() => undefined);
  return given;
}

async function ask(connection: Connection, call: UpstreamCall, signal: AbortSignal): Promise<Given> {
  const startedAt = performance.now();
  try {
    const outcome = await outcomeOf(await connection.request(call, signal));
    return 'result' in outcome
      ? { kind: 'result', result: outcome.result, durationMs: Math.round(performance.now() - startedAt) }
      : { kind: 'rpc_error', code: outcome.error.code };
  } catch (error) {
    if (!(error instanceof UpstreamFault)) throw error;
    return { kind: 'failed', why: error.message };
  }
}

function outcomeName(given: Given) {
  if (given.kind === 'failed') return 'unavailable' as const;
  if (given.kind === 'rpc_error') return 'rpc_error' as const;
  return given.result['isError'] === true ? ('tool_error' as const) : ('succeeded' as const);
}
