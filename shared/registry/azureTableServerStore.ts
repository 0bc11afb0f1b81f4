import type { OpenTable, TableCodec } from '../platform/tables.ts';
import { type ServerRecord, serverRecordSchema } from './server.ts';
import type { ServerStore } from './serverStore.ts';

const codec: TableCodec<ServerRecord> = {
  key: ({ tenantId, slug }) => ({ partition: tenantId, row: slug }),
  columns: ({ status }) => ({ status }),
  parse: (document) => serverRecordSchema.parse(document),
};

/** Server records on Azure Tables: a partition a tenant, a row a slug. */
export function azureTableServerStore(open: OpenTable): ServerStore {
  const table = open('servers', codec);
  return {
    find: (tenantId, slug) => table.get({ partition: tenantId, row: slug }),
    list: (tenantId, limit, after) => table.page(tenantId, limit, after),
    add: (record) => table.insert(record),
    replace: (record, etag) => table.replace(record, etag),
    remove: ({ tenantId, slug }, etag) => table.remove({ partition: tenantId, row: slug }, etag),
  };
}
