import { odata } from '../../platform/tables/odata.ts';
import { ANY_ETAG, type OpenTable, type TableCodec } from '../../platform/tables/tables.ts';
import { type RegistryLink, registryLinkSchema, type RegistryLinkStore } from './registryLink.ts';

/** One partition for all tenants: links are few, and a link is found before its tenant is known. */
const PARTITION = 'links';

const codec: TableCodec<RegistryLink> = {
  key: ({ id }) => ({ partition: PARTITION, row: id }),
  columns: ({ tenantId }) => ({ tenantId }),
  parse: (document) => registryLinkSchema.parse(document),
};

/** Stores registry links in Azure Tables: one partition, one row per link. */
export function azureTableRegistryLinkStore(open: OpenTable): RegistryLinkStore {
  const table = open('registryLinks', codec);
  const find = async (id: string) => (await table.get({ partition: PARTITION, row: id }))?.value;
  return {
    find,
    list: (tenantId, limit, after) =>
      table.range(PARTITION, '', odata`tenantId eq ${tenantId}`, limit, after),
    add: async (link) => {
      // A row that exists has the same secret, so the call was repeated.
      await table.insert(link);
    },
    async revoke(tenantId, id) {
      const link = await find(id);
      if (link?.tenantId !== tenantId) return false;
      return (await table.remove({ partition: PARTITION, row: id }, ANY_ETAG)) === 'removed';
    },
  };
}
