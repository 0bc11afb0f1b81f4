import type { OpenTable, TableCodec } from '../../platform/tables/tables.ts';
import { type Toolset, toolsetSchema } from './toolset.ts';
import type { ToolsetStore } from './toolsetStore.ts';

const codec: TableCodec<Toolset> = {
  key: ({ tenantId, slug }) => ({ partition: tenantId, row: slug }),
  columns: () => ({}),
  parse: (document) => toolsetSchema.parse(document),
};

/** Toolsets on Azure Tables: a partition a tenant, a row a slug. */
export function azureTableToolsetStore(open: OpenTable): ToolsetStore {
  const table = open('toolsets', codec);
  return {
    find: (tenantId, slug) => table.get({ partition: tenantId, row: slug }),
    list: (tenantId, limit, after) => table.page(tenantId, limit, after),
    add: (toolset) => table.insert(toolset),
    replace: (toolset, etag) => table.replace(toolset, etag),
    remove: ({ tenantId, slug }, etag) => table.remove({ partition: tenantId, row: slug }, etag),
  };
}
