import type { OpenTable, TableCodec } from '../../platform/tables/tables.ts';
import { type RegistrySync, registrySyncSchema, type RegistrySyncStore } from './registrySync.ts';

const ROW = 'sync';

const codec: TableCodec<RegistrySync> = {
  key: ({ tenantId }) => ({ partition: tenantId, row: ROW }),
  columns: () => ({}),
  parse: (document) => registrySyncSchema.parse(document),
};

/** Stores the progress of syncs in Azure Tables: one partition per tenant, with one row. */
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
