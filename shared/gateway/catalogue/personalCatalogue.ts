import type { Credentials } from '../../identity/credentials/credentials.ts';
import type { SignedIn } from '../../identity/credentials/credentialSources.ts';
import { andThen } from '../../platform/base/awaitable.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { FairQueue } from '../../platform/concurrency/fairQueue.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { Discovery } from '../../registry/records/server.ts';
import { needsAccount, needsUser } from '../../registry/records/upstreamSettings.ts';
import {
  MAX_PERSONAL_VIEWS,
  PERSONAL_DISCOVERY_TIMEOUT_MS,
  PERSONAL_FAILED_FRESH_MS,
  PERSONAL_FRESH_MS,
} from '../protocol/limits.ts';
import { SignInNeeded, UnsuitableServer, UpstreamFault } from '../upstream/fault.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import type { ActiveServer, Catalogue } from './catalogue.ts';
import { readDiscovery } from './discovery.ts';

/** Returns the catalogue as one user sees it. Servers with personal credentials are discovered with the user's own credential. */
export type PersonalCatalogue = (catalogue: Catalogue, user: () => SignedIn | undefined) => Catalogue;

/**
 * A server that cannot be discovered for the user has empty lists, never the lists of another user. But a server at which each user
 * has an account has the tools and prompts of its record, so that a call can ask a user without an account to sign in. Without a
 * user a server has the lists of its record, for the gateway itself.
 */
export function createPersonalCatalogue(deps: {
  readonly outboundTo: OutboundTo;
  readonly credentials: Pick<Credentials, 'isPersonal' | 'isAccount' | 'hasPersonal'>;
  readonly clock: Clock;
  /** Each discovery waits in this queue. */
  readonly discoveries: FairQueue;
  /** Discovers a server for everybody, when the first user has connected an account. */
  readonly refresh: (server: ActiveServer) => Promise<unknown>;
}): PersonalCatalogue {
  const { outboundTo, credentials, clock, discoveries, refresh } = deps;
  const known = createTenantCache<{ readonly until: number; readonly found: Promise<ActiveServer> }>(
    MAX_PERSONAL_VIEWS,
  );
  const lists = createTenantCache<{
    readonly all: readonly ActiveServer[];
    readonly shown: readonly ActiveServer[];
  }>(MAX_PERSONAL_VIEWS);

  const isPersonal = (server: ActiveServer): boolean => needsUser(server, credentials);

  function asSeenBy(server: ActiveServer, user: SignedIn): Promise<ActiveServer> {
    const { tenantId, userId, clientId } = user.actor;
    const key = JSON.stringify([tenantId, userId, clientId, server.tenantId, server.slug, server.updatedAt]);
    const last = known.get(key);
    if (last && last.until > clock.now().getTime()) return last.found;
    const cache = (forMs: number) => {
      known.set(tenantId, key, { until: clock.now().getTime() + forMs, found });
    };
    const found = discoveries.run(tenantId, () =>
      discover(server, user, () => {
        cache(PERSONAL_FAILED_FRESH_MS);
      }),
    );
    cache(PERSONAL_FRESH_MS);
    return found;
  }

  async function discover(
    server: ActiveServer,
    user: SignedIn,
    onFailure: () => void,
  ): Promise<ActiveServer> {
    const own: OutboundTo = (target) => outboundTo(target, () => user);
    const signal = AbortSignal.timeout(PERSONAL_DISCOVERY_TIMEOUT_MS);
    try {
      const found = await readDiscovery(server, { outboundTo: own, clock }, signal, server.discovery);
      if (server.discovery.awaitsAccount) void refresh(server);
      return { ...server, discovery: found };
    } catch (error) {
      if (!(error instanceof UpstreamFault || error instanceof UnsuitableServer)) throw error;
      onFailure();
      return { ...server, discovery: unread(server, error instanceof SignInNeeded) };
    }
  }

  /** Returns what is known of a server that could not be discovered for a user. */
  function unread(server: ActiveServer, awaitsAccount: boolean): Discovery {
    const empty = { ...server.discovery, resources: [], resourceTemplates: [] };
    if (!needsAccount(server, credentials)) return { ...empty, tools: [], prompts: [] };
    return { ...empty, ...(awaitsAccount && { awaitsAccount }) };
  }

  return (catalogue, userOf) => {
    if (!credentials.hasPersonal) return catalogue;
    const shown = (server: ActiveServer) => {
      const user = isPersonal(server) ? userOf() : undefined;
      return user ? asSeenBy(server, user) : Promise.resolve(server);
    };
    return {
      ...catalogue,
      find: (tenantId, slug) =>
        andThen(catalogue.find(tenantId, slug), (server) =>
          server && isPersonal(server) ? shown(server) : server,
        ),
      async all(tenantId) {
        const all = await catalogue.all(tenantId);
        const user = all.some(isPersonal) ? userOf() : undefined;
        if (!user) return all;
        return sameAsBefore(tenantId, all, user, await Promise.all(all.map(shown)));
      },
    };
  };

  /** Returns the same array until something changes for this user, so that what is made from it is cached. */
  function sameAsBefore(
    tenantId: string,
    all: readonly ActiveServer[],
    { actor: { userId, clientId } }: SignedIn,
    now: readonly ActiveServer[],
  ): readonly ActiveServer[] {
    const key = JSON.stringify([tenantId, userId, clientId]);
    const before = lists.get(key);
    if (before?.all === all && before.shown.every((server, index) => server === now[index]))
      return before.shown;
    lists.set(tenantId, key, { all, shown: now });
    return now;
  }
}
