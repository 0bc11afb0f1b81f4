import type { IdSource } from '../../platform/base/ids.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { Page, Stored } from '../../platform/tables/tables.ts';
import { registryVersion } from './registryVersion.ts';
import type { ServerRecord } from './server.ts';
import type { ServerFilter, ServerStore } from './serverStore.ts';

/**
 * The servers that a tenant sees: its own, whatever their status, and those that the operator's tenant shares with all, once
 * they are active. Where both have a slug, it is the tenant's own. An outage is thrown, never read as "not found".
 */
export interface VisibleServers {
  find(tenantId: string, slug: string): Promise<Stored<ServerRecord> | undefined>;
  /** In the order of their slugs, as `ServerStore.list`. */
  list(tenantId: string, filter: ServerFilter, limit: number, after?: string): Promise<Page<ServerRecord>>;
  /** Names the state of all this: as long as it stays the same, nothing was changed. Absent: unknown. */
  version(tenantId: string): Promise<string | undefined>;
}

export function createVisibleServers(deps: {
  readonly servers: Pick<ServerStore, 'find' | 'list'>;
  readonly state: StateStore;
  readonly newId: IdSource;
  /** The one tenant that may share. */
  readonly operatorTenant: string;
}): VisibleServers {
  const { servers, state, newId, operatorTenant } = deps;
  const versionOf = (tenantId: string) => registryVersion(state, tenantId, newId);
  const sharerFor = (tenantId: string) => (tenantId === operatorTenant ? undefined : operatorTenant);

  return {
    async find(tenantId, slug) {
      const own = await servers.find(tenantId, slug);
      const sharer = sharerFor(tenantId);
      if (own || sharer === undefined) return own;
      const theirs = await servers.find(sharer, slug);
      return theirs?.value.visibility === 'shared' && theirs.value.status === 'active' ? theirs : undefined;
    },

    async list(tenantId, filter, limit, after) {
      const sharer = sharerFor(tenantId);
      if (sharer === undefined || (filter.status ?? 'active') !== 'active')
        return servers.list(tenantId, filter, limit, after);
      const shared: ServerFilter = { ...filter, status: 'active', visibility: 'shared' };
      return merged(
        await Promise.all([
          servers.list(tenantId, filter, limit, after),
          servers.list(sharer, shared, limit, after),
        ]),
        limit,
      );
    },

    async version(tenantId) {
      const sharer = sharerFor(tenantId);
      if (sharer === undefined) return versionOf(tenantId);
      const [own, theirs] = await Promise.all([versionOf(tenantId), versionOf(sharer)]);
      return own === undefined || theirs === undefined ? undefined : `${own} ${theirs}`;
    },
  };
}

/** One page of two, as far as both have been read. The first one's records win. */
function merged(pages: readonly [Page<ServerRecord>, Page<ServerRecord>], limit: number): Page<ServerRecord> {
  const [own, theirs] = pages;
  const ends = pages.flatMap(({ after }) => (after === undefined ? [] : [after]));
  const [readUpTo] = ends.sort();
  const bySlug = new Map([...theirs.items, ...own.items].map((record) => [record.slug, record]));
  const items = [...bySlug.values()]
    .filter(({ slug }) => readUpTo === undefined || slug <= readUpTo)
    .sort((a, b) => (a.slug < b.slug ? -1 : 1));
  if (items.length <= limit) return { items, ...(readUpTo !== undefined && { after: readUpTo }) };
  const page = items.slice(0, limit);
  const last = page.at(-1);
  return { items: page, ...(last && { after: last.slug }) };
}
