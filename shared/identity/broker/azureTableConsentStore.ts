import { ANY_ETAG, type OpenTable, type RowKey, type TableCodec } from '../../platform/tables/tables.ts';
import { type Consent, type ConsentName, consentSchema, type ConsentStore } from './consent.ts';

/** The consents of a person lie together. */
const addressOf = ({ tenantId, userId, id }: ConsentName): RowKey => ({
  partition: tenantId,
  row: `${userId}_${id}`,
});

const codec: TableCodec<Consent> = {
  key: addressOf,
  columns: () => ({}),
  parse: (document) => consentSchema.parse(document),
};

/** Stores consents in Azure Tables: one partition per tenant, one row per consent. */
export function azureTableConsentStore(open: OpenTable): ConsentStore {
  const table = open('oauthConsents', codec);
  return {
    find: async (name) => (await table.get(addressOf(name)))?.value,
    add: async (consent) => {
      await table.insert(consent);
    },
    remove: async (name) =>
      (await table.remove(addressOf(name), ANY_ETAG)) === 'removed' ? 'removed' : 'missing',
    list: (tenantId, userId, limit, after) => table.range(tenantId, `${userId}_`, '', limit, after),
  };
}
