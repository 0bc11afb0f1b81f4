import { odata } from '@azure/data-tables';
import { ANY_ETAG, type OpenTable, type TableCodec } from '../../platform/tables/tables.ts';
import { type RegistryLink, registryLinkSchema } from './registryLink.ts';
import type { RegistryLinkStore } from './registryLinkStore.ts';

/** Links are few, and found before their tenant is known. */
const PARTITION = 'links';

const codec: TableCodec<RegistryLink> = {
  key: ({ id }) => ({ partition: PARTITION, row: id }),
  columns: ({ tenantId }) => ({ tenantId }),
  parse: (document) => registryLinkSchema.parse(document),
};

/** Registry links on Azure Tables: one partition, a row a link. */
export function azureTableRegistryLinkStore(open: OpenTable): RegistryLinkStore {
  const table = open('registryLinks', codec);
  const find = async (id: string) => (await table.get({ partition: PARTITION, row: id }))?.value;
  return {
    find,
    list: (tenantId, limit, after) =>
      table.range(PARTITION, '', odata`tenantId eq ${tenantId}`, limit, after),
    add: async (link) => {
      // A row that exists has this very secret, which nobody else has: the call was repeated.
      await table.insert(link);
    },
    async revoke(tenantId, id) {
      const link = await find(id);
      if (link?.tenantId !== tenantId) return false;
      return (await table.remove({ partition: PARTITION, row: id }, ANY_ETAG)) === 'removed';
    },
  };
}
