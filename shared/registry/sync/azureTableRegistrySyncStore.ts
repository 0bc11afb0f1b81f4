import type { OpenTable, TableCodec } from '../../platform/tables/tables.ts';
import { type RegistrySync, registrySyncSchema } from './registrySync.ts';
import type { RegistrySyncStore } from './registrySyncStore.ts';

const ROW = 'sync';

const codec: TableCodec<RegistrySync> = {
  key: ({ tenantId }) => ({ partition: tenantId, row: ROW }),
  columns: () => ({}),
  parse: (document) => registrySyncSchema.parse(document),
};

/** Progress of syncs on Azure Tables: a partition a tenant, with one row. */
export function azureTableRegistrySyncStore(open: OpenTable): RegistrySyncStore {
  const table = open('registrySync', codec);
  const find: RegistrySyncStore['find'] = (tenantId) => table.get({ partition: tenantId, row: ROW });
  return {
    find,
    async save(sync, etag) {
      if (etag !== undefined) return table.replace(sync, etag);
      if ((await table.insert(sync)) === 'exists') return { status: 'conflict' };
      const stored = await find(sync.tenantId);
      return stored ? { status: 'replaced', etag: stored.etag } : { status: 'missing' };
    },
  };
}
