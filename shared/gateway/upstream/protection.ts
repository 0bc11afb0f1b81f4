import { createTenantPlaces, type TenantPlaces } from '../../platform/concurrency/tenantShare.ts';
import { CONNECTIONS_PER_ORIGIN } from '../../platform/outbound/outboundClient.ts';
import type { UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import { MAX_CALLS_PER_SERVER, MAX_STREAMS_PER_SERVER } from '../protocol/limits.ts';
import type { Answer, AnswerItem } from './answer.ts';
import type { CircuitBreaker } from './circuitBreaker.ts';
import { type Connection, TIMED_OUT, type UpstreamCall } from './connection.ts';
import { type FaultKind, UpstreamFault } from './fault.ts';
import { passing } from './passing.ts';
import { namesOf, type ServerKey } from './serverHealth.ts';

/**
 * Protects the gateway from a failing server by its circuit breaker, and a server from one tenant that would take all of its
 * connections. `tenantId` is the tenant that calls. Another tenant may have registered the server.
 */
export interface Protection {
  /** Returns the same connection with a circuit breaker, limits of concurrency and retries. */
  protect(connection: Connection, tenantId: string, server: ProtectedServer): Connection;
  /**
   * Takes a place among the listening streams of a server, and a connection unless the stream is a call. Returns the function
   * that gives them back. @throws UpstreamFault when all are taken
   */
  takeStream(tenantId: string, server: ServerKey, isCall: boolean): () => void;
}
type ProtectedServer = ServerKey & Pick<UpstreamTarget, 'upstream'>;

/** Faults of the server rather than of one call. */
const serverFaults: ReadonlySet<FaultKind> = new Set(['unreachable', 'timeout', 'closed', 'http_status']);
/** Requests that change nothing, so one that met a broken connection may be retried. */
const idempotent: ReadonlySet<string> = new Set([
  'resources/read',
  'prompts/get',
  'completion/complete',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
]);

export function createProtection(circuitBreaker: CircuitBreaker, tenants: number): Protection {
  // These two count each tenant by itself, so its share is the whole.
  const calls = createTenantPlaces(MAX_CALLS_PER_SERVER, 1);
  const streams = createTenantPlaces(MAX_STREAMS_PER_SERVER, 1);
  // All servers of an origin share its connections, and a tenant holds at most its share of them.
  const connections = createTenantPlaces(CONNECTIONS_PER_ORIGIN, tenants);
  const origins = new WeakMap<ServerKey, string>();

  function takePlace(places: TenantPlaces, what: string, tenantId: string, server: ServerKey): () => void {
    const taken = places.take(tenantId, namesOf(tenantId, server).tenantName);
    if (taken.kind === 'taken') return taken.leave;
    throw new UpstreamFault('busy', `has ${taken.atMost} ${what} open already`);
  }

  function takeConnection(tenantId: string, server: ServerKey): () => void {
    let origin = origins.get(server);
    if (origin === undefined) origins.set(server, (origin = new URL(server.url).origin));
    const taken = connections.take(tenantId, origin);
    if (taken.kind === 'taken') return taken.leave;
    const all = `${CONNECTIONS_PER_ORIGIN} connections`;
    throw new UpstreamFault(
      'busy',
      taken.kind === 'full'
        ? `has all ${all} to its origin in use`
        : `has ${taken.atMost} of the ${all} to its origin in use for your tenant, which is the tenant's share`,
    );
  }

  /** Takes a place and a connection, or neither. */
  function takeBoth(places: TenantPlaces, what: string, tenantId: string, server: ServerKey): () => void {
    const leavePlace = takePlace(places, what, tenantId, server);
    try {
      const leaveConnection = takeConnection(tenantId, server);
      return () => {
        leavePlace();
        leaveConnection();
      };
    } catch (error) {
      leavePlace();
      throw error;
    }
  }

  return {
    takeStream: (tenantId, server, isCall) =>
      (isCall ? takePlace : takeBoth)(streams, 'streams', tenantId, server),
    protect: (connection, tenantId, server) => ({
      era: connection.era,
      usesMrtr: connection.usesMrtr,
      async request(call, signal) {
        const openMs = circuitBreaker.openForMs(tenantId, server);
        if (openMs !== undefined) {
          const seconds = Math.ceil(openMs / 1_000);
          throw new UpstreamFault(
            'resting',
            `failed several times in a row and is tried again in ${seconds} s`,
          );
        }
        const leave = takeBoth(calls, 'calls', tenantId, server);
        try {
          const retries = idempotent.has(call.method) ? (server.upstream?.retries ?? 1) : 0;
          const answer = await withRetries(connection, call, signal, retries);
          if (answer.kind === 'stream') {
            // A client that leaves before it reads leaves a stream that never ends by itself.
            if (signal.aborted) leave();
            else signal.addEventListener('abort', leave, { once: true });
            const see = (item: AnswerItem) => {
              if (item.kind === 'outcome') {
                circuitBreaker.succeed(tenantId, server);
                leave();
              }
              return item;
            };
            const end = (error?: unknown) => {
              if (error !== undefined) judge(error, signal, tenantId, server);
              leave();
            };
            return { kind: 'stream', items: passing(answer.items, see, end) };
          }
          circuitBreaker.succeed(tenantId, server);
          leave();
          return answer;
        } catch (error) {
          leave();
          judge(error, signal, tenantId, server);
          throw error;
        }
      },
    }),
  };

  /** Counts a failed call for the server, or as a success where the server refused it. */
  function judge(error: unknown, signal: AbortSignal, tenantId: string, server: ServerKey): void {
    if (hasAnswered(error)) circuitBreaker.succeed(tenantId, server);
    else if (isServerFault(error, signal)) circuitBreaker.fail(tenantId, server, error.message);
  }
}

/** Whether the server refused the call with an error of its own, which shows that it works. */
const hasAnswered = (error: unknown): boolean =>
  error instanceof UpstreamFault && error.said?.rpcError !== undefined;

/** Whether a call failed because of its server, not because its caller left. */
function isServerFault(error: unknown, signal: AbortSignal): error is UpstreamFault {
  const callerLeft = signal.aborted && signal.reason !== TIMED_OUT;
  if (!(error instanceof UpstreamFault) || !serverFaults.has(error.kind) || callerLeft) return false;
  return error.kind !== 'http_status' || (error.status ?? 500) >= 500;
}

/** Makes a call, and makes it again up to `retries` times where the server was not reached. */
function withRetries(
  connection: Connection,
  call: UpstreamCall,
  signal: AbortSignal,
  retries: number,
): Promise<Answer> {
  const answer = connection.request(call, signal);
  if (retries === 0) return answer;
  return answer.catch((error: unknown) => {
    const mayPass = error instanceof UpstreamFault && error.kind === 'unreachable' && !signal.aborted;
    if (!mayPass) throw error;
    return withRetries(connection, call, signal, retries - 1);
  });
}
