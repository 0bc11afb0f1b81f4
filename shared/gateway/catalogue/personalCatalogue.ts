import type { Credentials, SignedIn } from '../../identity/credentials/credentials.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { FairQueue } from '../../platform/concurrency/fairQueue.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import { needsUser } from '../../registry/records/upstreamSettings.ts';
import { discoverServer } from './discovery.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import type { ActiveServer, Catalogue } from './catalogue.ts';

/** The catalogue as one user sees it: what a server shows to that user alone is found with the user's own credential. */
export type PersonalCatalogue = (catalogue: Catalogue, user: () => SignedIn | undefined) => Catalogue;

const FRESH_MS = 5 * 60_000;
/** A user who could not be signed in, or a server that was down, is soon tried again. */
const FAILED_FRESH_MS = 15_000;
const WITHIN_MS = 10_000;
const REMEMBERED = 1_000;

/**
 * A server that cannot be asked on behalf of the user shows nothing: what it shows to somebody else is never shown instead.
 * Without a user it is as whoever registered it saw it, which is for the gateway itself.
 */
export function createPersonalCatalogue(deps: {
  readonly outboundTo: OutboundTo;
  readonly credentials: Pick<Credentials, 'isPersonal' | 'hasPersonal'>;
  readonly clock: Clock;
  /** Each discovery waits for its turn here. */
  readonly discoveries: FairQueue;
}): PersonalCatalogue {
  const { outboundTo, credentials, clock, discoveries } = deps;
  const known = createTenantCache<{ readonly until: number; readonly found: Promise<ActiveServer> }>(
    REMEMBERED,
  );
  const lists = new WeakMap<readonly ActiveServer[], Map<string, readonly ActiveServer[]>>();

  const isPersonal = (server: ActiveServer): boolean => needsUser(server, credentials);

  function asSeenBy(server: ActiveServer, user: SignedIn): Promise<ActiveServer> {
    const { tenantId, userId, clientId } = user.principal;
    const key = JSON.stringify([tenantId, userId, clientId, server.tenantId, server.slug, server.updatedAt]);
    const last = known.get(key);
    if (last && last.until > clock.now().getTime()) return last.found;
    const remember = (forMs: number) => {
      known.set(tenantId, key, { until: clock.now().getTime() + forMs, found });
    };
    const found = discoveries.run(tenantId, () =>
      discover(server, user, () => {
        remember(FAILED_FRESH_MS);
      }),
    );
    remember(FRESH_MS);
    return found;
  }

  async function discover(
    server: ActiveServer,
    user: SignedIn,
    onFailure: () => void,
  ): Promise<ActiveServer> {
    const own: OutboundTo = (target) => outboundTo(target, () => user);
    const found = await discoverServer(server, { outboundTo: own, clock }, AbortSignal.timeout(WITHIN_MS));
    if (found.ok) return { ...server, discovery: found.value };
    onFailure();
    return {
      ...server,
      discovery: { ...server.discovery, tools: [], prompts: [], resources: [], resourceTemplates: [] },
    };
  }

  return (catalogue, userOf) => {
    if (!credentials.hasPersonal) return catalogue;
    const shown = (server: ActiveServer) => {
      const user = isPersonal(server) ? userOf() : undefined;
      return user ? asSeenBy(server, user) : Promise.resolve(server);
    };
    return {
      ...catalogue,
      async find(tenantId, slug) {
        const server = await catalogue.find(tenantId, slug);
        return server && shown(server);
      },
      async all(tenantId) {
        const all = await catalogue.all(tenantId);
        const user = all.some(isPersonal) ? userOf() : undefined;
        if (!user) return all;
        return sameAsBefore(all, user, await Promise.all(all.map(shown)));
      },
    };
  };

  /** The same array as long as nothing has changed for this user, so that what is made of it is made once. */
  function sameAsBefore(
    all: readonly ActiveServer[],
    { principal: { userId, clientId } }: SignedIn,
    now: readonly ActiveServer[],
  ): readonly ActiveServer[] {
    const ofUsers = lists.get(all) ?? new Map<string, readonly ActiveServer[]>();
    lists.set(all, ofUsers);
    const key = `${userId} ${clientId}`;
    const before = ofUsers.get(key);
    if (before?.every((server, index) => server === now[index])) return before;
    ofUsers.delete(key);
    ofUsers.set(key, now);
    const [oldest] = ofUsers.keys();
    if (ofUsers.size > REMEMBERED && oldest !== undefined) ofUsers.delete(oldest);
    return now;
  }
}
