import type { SignedIn } from '../../identity/credentials/credentialSources.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import type { Trace } from '../../platform/telemetry/trace.ts';
import type { Era } from '../../registry/records/era.ts';
import { MAX_UPSTREAM_SESSIONS } from '../protocol/limits.ts';
import type { Connection, Reachable, UpstreamCaller } from './connection.ts';
import { legacyUpstream } from './legacy.ts';
import { modernUpstream } from './modern.ts';
import type { OutboundTo } from './outboundTo.ts';
import type { Protection } from './protection.ts';
import { createRequestIds } from './requestIds.ts';
import { createSessionPool, openUnshared, type SessionSlot, sharedSource, targetOf } from './sessionPool.ts';
import type { Access, ServerInitiated, Subscription, UpstreamEra } from './upstreamEra.ts';

const eras: Record<Era, UpstreamEra> = { legacy: legacyUpstream, modern: modernUpstream };

/** Chooses how the gateway speaks to a server: by the era of its record. */
export const eraOf = ({ era }: Pick<Reachable['discovery'], 'era'>): UpstreamEra => eras[era];

/** Connects callers to servers of either era. */
export interface Connector {
  /** `logLevel`: the least level of log notifications that the client wants. */
  connect(server: Reachable, caller: UpstreamCaller, logLevel?: string): Connection;
  /** Listens to a server until its stream or the signal ends. @throws UpstreamFault */
  listen(
    server: Reachable,
    caller: UpstreamCaller,
    wanted: Subscription,
    trace: Trace,
    signal: AbortSignal,
  ): AsyncGenerator<ServerInitiated, void, undefined>;
  /** The session of a caller with a legacy server. */
  sessionOf(server: Reachable, caller: UpstreamCaller, logLevel?: string): SessionSlot;
}

export function createConnector(
  outboundTo: OutboundTo,
  newId: IdSource,
  protection: Pick<Protection, 'protect' | 'takeStream'>,
): Connector {
  const pool = createSessionPool(MAX_UPSTREAM_SESSIONS);
  const nextId = createRequestIds(newId());
  /** The last token of each caller. A session outlives the token that it was opened with. */
  const tokens = createTenantCache<SignedIn>(MAX_UPSTREAM_SESSIONS);

  /** By record. The catalogue caches records, so most calls hash none. */
  const targets = new WeakMap<Reachable, string>();

  function cachedTargetOf(server: Reachable): string {
    let target = targets.get(server);
    if (target === undefined) targets.set(server, (target = targetOf(server)));
    return target;
  }

  function clientFor(server: Reachable, { actor, user }: UpstreamCaller): OutboundClient {
    if (server.upstream?.headers === undefined) return outboundTo(server);
    const key = JSON.stringify([actor.tenantId, actor.userId, actor.clientId]);
    const now = user();
    if (now !== undefined) tokens.set(actor.tenantId, key, now);
    return outboundTo(server, () => tokens.get(key));
  }

  function sessionOf(server: Reachable, caller: UpstreamCaller, logLevel = ''): SessionSlot {
    const { actor, session, capabilities } = caller;
    const { tenantId, userId } = actor;
    const outbound = clientFor(server, caller);
    // Without a session of the client, callers of one user share a session if they can do the same.
    const offered = session ? {} : (capabilities ?? {});
    const target = cachedTargetOf(server);
    const key = JSON.stringify([tenantId, userId, session?.id, logLevel, offered, target]);
    return pool.of(
      tenantId,
      key,
      session
        ? sharedSource(server, target, session, outbound, nextId)
        : { open: () => openUnshared(server, outbound, nextId, offered), lost: () => Promise.resolve() },
    );
  }

  const connect = (server: Reachable, caller: UpstreamCaller, logLevel?: string): Connection =>
    protection.protect(
      eraOf(server.discovery).connect(access, server, caller, logLevel),
      caller.actor.tenantId,
      server,
    );

  const access: Access = {
    nextId,
    clientFor,
    sessionOf,
    takeStream: (server, { actor }) => protection.takeStream(actor.tenantId, server, false),
    openSession: (server, caller) => openUnshared(server, clientFor(server, caller), nextId),
    connect,
  };

  return {
    connect,
    sessionOf,
    async *listen(server, caller, wanted, trace, signal) {
      const era = eraOf(server.discovery);
      const leave = protection.takeStream(caller.actor.tenantId, server, era.listensByCall);
      try {
        yield* era.listen(access, server, caller, wanted, trace, signal);
      } finally {
        leave();
      }
    },
  };
}
