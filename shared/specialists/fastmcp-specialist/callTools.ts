import type { ActiveServer } from '../../gateway/catalogue/catalogue.ts';
import type { JsonObject } from '../../gateway/protocol/jsonRpc.ts';
import { outcomeOf } from '../../gateway/upstream/answer.ts';
import { createCircuitBreaker } from '../../gateway/upstream/circuitBreaker.ts';
import type { Connection, UpstreamCall } from '../../gateway/upstream/connection.ts';
import { createConnector } from '../../gateway/upstream/connector.ts';
import { UpstreamFault } from '../../gateway/upstream/fault.ts';
import { createProtection } from '../../gateway/upstream/protection.ts';
import type { Actor } from '../../identity/access/actor.ts';
import { continueTrace, traceparentOf } from '../../platform/telemetry/trace.ts';
import type { Tool } from '../../registry/records/server.ts';
import type { SpecialistDeps } from '../deps.ts';

/** The outcome of a call; `failed` has the reason in the words of the gateway. */
export type CallOutcome =
  | { readonly kind: 'result'; readonly result: JsonObject; readonly durationMs: number }
  | { readonly kind: 'rpc_error'; readonly code: number }
  | { readonly kind: 'failed'; readonly why: string };

interface CallOptions {
  readonly actor: Actor;
  /** Needed for servers that each user signs in to. */
  readonly token: string | undefined;
  readonly traceId: string;
  readonly signal: AbortSignal;
}

const CALL_WITHIN_MS = 6_000;

/**
 * Calls tools of a server without arguments, one after another, as the data path does: with the server's credentials, in its
 * era, behind the circuit breaker, and with an audit record for each call. Closes the session that it opened.
 */
export async function callTools(
  server: ActiveServer,
  tools: readonly Tool[],
  { actor, token, traceId, signal }: CallOptions,
  deps: Pick<
    SpecialistDeps,
    'outboundTo' | 'newId' | 'shortLived' | 'clock' | 'audit' | 'tenants' | 'noteHealth'
  >,
): Promise<ReadonlyMap<string, CallOutcome>> {
  const { outboundTo, newId, shortLived: state, clock, audit, tenants, noteHealth } = deps;
  const guard = createProtection(createCircuitBreaker({ state, clock, noteHealth }), tenants.size);
  const connector = createConnector(outboundTo, newId, guard);
  const caller = {
    actor,
    session: undefined,
    capabilities: {},
    user: () => (token === undefined ? undefined : { actor, token }),
  };
  const connection = connector.connect(server, caller);
  const outcomes = new Map<string, CallOutcome>();
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
    const outcome = await callOnce(
      connection,
      call,
      AbortSignal.any([signal, AbortSignal.timeout(CALL_WITHIN_MS)]),
    );
    outcomes.set(tool.name, outcome);
    audit.append({
      tenantId: actor.tenantId,
      actor: actor.userId,
      actorName: actor.name,
      action: 'tools/call',
      resource: `servers/${server.slug}/tools/${tool.name}`,
      decision: 'allowed',
      outcome: auditOutcome(outcome),
      durationMs: performance.now() - startedAt,
      traceId,
      ownCheck: true,
    });
  }
  if (server.discovery.era === 'legacy' && server.discovery.transport !== 'sse')
    await connector
      .sessionOf(server, caller)
      .get()
      .then((session) => session.close())
      .catch(() => undefined);
  return outcomes;
}

async function callOnce(
  connection: Connection,
  call: UpstreamCall,
  signal: AbortSignal,
): Promise<CallOutcome> {
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

function auditOutcome(outcome: CallOutcome) {
  if (outcome.kind === 'failed') return 'unavailable' as const;
  if (outcome.kind === 'rpc_error') return 'rpc_error' as const;
  return outcome.result['isError'] === true ? ('tool_error' as const) : ('succeeded' as const);
}
