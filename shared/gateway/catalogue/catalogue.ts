import type { Awaitable } from '../../platform/base/awaitable.ts';
import type { Clock } from '../../platform/base/clock.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { Discovery, ServerRecord } from '../../registry/records/server.ts';
import type { VisibleServers } from '../../registry/records/visibleServers.ts';
import type { Toolset, ToolsetStore } from '../../registry/toolsets/toolset.ts';
import {
  CATALOGUE_FRESH_MS,
  CATALOGUE_PAGE_SIZE,
  MAX_CACHED_CATALOGUES,
  MAX_CACHED_RECORDS,
  RECORD_FRESH_MS,
} from '../protocol/limits.ts';

/** A server that takes calls. */
export type ActiveServer = ServerRecord & { readonly discovery: Discovery };

/** The servers of a tenant that take calls, in the cache of this instance. An outage of the registry is thrown. */
export interface Catalogue {
  /** As of two seconds ago at most. */
  readonly find: (tenantId: string, slug: string) => Awaitable<ActiveServer | undefined>;
  /** Returns whether an administrator has disabled the server. Reads the record, since only refused requests ask. */
  readonly isDisabled: (tenantId: string, slug: string) => Promise<boolean>;
  /** A curated set, as of two seconds ago at most. */
  readonly toolset: (tenantId: string, slug: string) => Awaitable<Toolset | undefined>;
  /** Drops a record that this instance has changed. */
  readonly invalidate: (tenantId: string, slug: string) => void;
  /** All servers by slug, as of the registry's last announced change. Returns the same array until something changes. */
  all(tenantId: string): Promise<readonly ActiveServer[]>;
}

export function createCatalogue(deps: {
  readonly visibleServers: VisibleServers;
  readonly toolsets: Pick<ToolsetStore, 'find'>;
  readonly clock: Clock;
}): Catalogue {
  const { visibleServers: servers, toolsets, clock } = deps;
  const findServer = cached(clock, async (tenantId, slug) => {
    const stored = await servers.find(tenantId, slug);
    return stored && isActive(stored.value) ? stored.value : undefined;
  });
  const findToolset = cached(clock, async (tenantId, slug) => (await toolsets.find(tenantId, slug))?.value);
  const lists = createTenantCache<{
    readonly at: number;
    readonly version: string;
    readonly found: Promise<readonly ActiveServer[]>;
  }>(MAX_CACHED_CATALOGUES);

  async function readAll(tenantId: string): Promise<readonly ActiveServer[]> {
    const found: ActiveServer[] = [];
    let after: string | undefined;
    do {
      const page = await servers.list(tenantId, { status: 'active' }, CATALOGUE_PAGE_SIZE, after);
      found.push(...page.items.filter(isActive));
      after = page.after;
    } while (after !== undefined);
    return found;
  }

  return {
    find: findServer.find,
    isDisabled: async (tenantId, slug) => (await servers.find(tenantId, slug))?.value.status === 'disabled',
    toolset: findToolset.find,
    invalidate: findServer.invalidate,
    async all(tenantId) {
      // Without the version of the registry no cached list can be trusted.
      const version = (await servers.version(tenantId).catch(() => undefined)) ?? '';
      const now = clock.now().getTime();
      const known = lists.get(tenantId);
      const freshMs = version === '' ? 0 : CATALOGUE_FRESH_MS;
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

/** Caches what was found for a short time. Does not cache what was not found. */
function cached<T>(
  clock: Clock,
  read: (tenantId: string, slug: string) => Promise<T | undefined>,
): {
  readonly find: (tenantId: string, slug: string) => Awaitable<T | undefined>;
  readonly invalidate: (tenantId: string, slug: string) => void;
} {
  const known = createTenantCache<{ readonly at: number; found: Awaitable<T | undefined> }>(
    MAX_CACHED_RECORDS,
  );
  const keyOf = (tenantId: string, slug: string) => `${tenantId} ${slug}`;
  return {
    find(tenantId, slug) {
      const key = keyOf(tenantId, slug);
      const now = clock.now().getTime();
      const last = known.get(key);
      if (last && now - last.at < RECORD_FRESH_MS) return last.found;
      const found = read(tenantId, slug);
      const entry: { at: number; found: Awaitable<T | undefined> } = { at: now, found };
      known.set(tenantId, key, entry);
      const drop = () => {
        known.delete(key);
      };
      found.then((value) => {
        if (value === undefined) drop();
        else entry.found = value;
      }, drop);
      return found;
    },
    invalidate: (tenantId, slug) => {
      known.delete(keyOf(tenantId, slug));
    },
  };
}

export const isActive = (record: ServerRecord): record is ActiveServer =>
  record.status === 'active' && record.discovery !== undefined;
