import type { Clock } from '../../platform/base/clock.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { Discovery, ServerRecord } from '../../registry/records/server.ts';
import type { Toolset } from '../../registry/toolsets/toolset.ts';
import type { ToolsetStore } from '../../registry/toolsets/toolsetStore.ts';
import type { VisibleServers } from '../../registry/records/visibleServers.ts';

/** A server that takes calls. */
export type ActiveServer = ServerRecord & { readonly discovery: Discovery };

/** The servers of a tenant that take calls, as this instance remembers them. An outage of the registry is thrown. */
export interface Catalogue {
  /** As of two seconds ago at most. */
  readonly find: (tenantId: string, slug: string) => Promise<ActiveServer | undefined>;
  /** A curated set, as of two seconds ago at most. */
  toolset(tenantId: string, slug: string): Promise<Toolset | undefined>;
  /** The record was changed by this instance. */
  readonly forget: (tenantId: string, slug: string) => void;
  /** By their slugs, as of the registry's last announced change; the same array as long as nothing has changed. */
  all(tenantId: string): Promise<readonly ActiveServer[]>;
}

/** A server that was withdrawn may be called for so long; what is not there is never remembered. */
const RECORD_FRESH_MS = 2_000;
/** A change whose announcement was lost is seen after this. */
const LIST_FRESH_MS = 30_000;
const REMEMBERED_RECORDS = 500;
const REMEMBERED_LISTS = 100;
/** Records read from the store at once. */
const PAGE = 100;

export function createCatalogue(deps: {
  readonly visibleServers: VisibleServers;
  readonly toolsets: Pick<ToolsetStore, 'find'>;
  readonly clock: Clock;
}): Catalogue {
  const { visibleServers: servers, toolsets, clock } = deps;
  const findServer = remembering(clock, async (tenantId, slug) => {
    const stored = await servers.find(tenantId, slug);
    return stored && isActive(stored.value) ? stored.value : undefined;
  });
  const findToolset = remembering(
    clock,
    async (tenantId, slug) => (await toolsets.find(tenantId, slug))?.value,
  );
  const lists = createTenantCache<{
    readonly at: number;
    readonly version: string;
    readonly found: Promise<readonly ActiveServer[]>;
  }>(REMEMBERED_LISTS);

  async function readAll(tenantId: string): Promise<readonly ActiveServer[]> {
    const found: ActiveServer[] = [];
    let after: string | undefined;
    do {
      const page = await servers.list(tenantId, { status: 'active' }, PAGE, after);
      found.push(...page.items.filter(isActive));
      after = page.after;
    } while (after !== undefined);
    return found;
  }

  return {
    find: findServer.find,
    toolset: findToolset.find,
    forget: findServer.forget,
    async all(tenantId) {
      // Unknown is no version: without one, nothing that is remembered can be trusted.
      const version = (await servers.version(tenantId).catch(() => undefined)) ?? '';
      const now = clock.now().getTime();
      const known = lists.get(tenantId);
      const freshMs = version === '' ? 0 : LIST_FRESH_MS;
      if (known?.version === version && now - known.at < freshMs) return known.found;
      const found = readAll(tenantId);
      lists.set(tenantId, tenantId, { at: now, version, found });
      found.catch(() => {
        lists.delete(tenantId);
      });
      return found;
    },
  };
}

/** Remembers what was found for a short while, and what was not found not at all. */
function remembering<T>(
  clock: Clock,
  read: (tenantId: string, slug: string) => Promise<T | undefined>,
): {
  readonly find: (tenantId: string, slug: string) => Promise<T | undefined>;
  readonly forget: (tenantId: string, slug: string) => void;
} {
  const known = createTenantCache<{ readonly at: number; readonly found: Promise<T | undefined> }>(
    REMEMBERED_RECORDS,
  );
  const keyOf = (tenantId: string, slug: string) => `${tenantId} ${slug}`;
  return {
    find(tenantId, slug) {
      const key = keyOf(tenantId, slug);
      const now = clock.now().getTime();
      const last = known.get(key);
      if (last && now - last.at < RECORD_FRESH_MS) return last.found;
      const found = read(tenantId, slug);
      known.set(tenantId, key, { at: now, found });
      const forget = () => {
        known.delete(key);
      };
      found.then((value) => {
        if (value === undefined) forget();
      }, forget);
      return found;
    },
    forget: (tenantId, slug) => {
      known.delete(keyOf(tenantId, slug));
    },
  };
}

export const isActive = (record: ServerRecord): record is ActiveServer =>
  record.status === 'active' && record.discovery !== undefined;
