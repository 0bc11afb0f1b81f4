import { purgeExpired } from '../../platform/tables/purgeExpired.ts';
import { ANY_ETAG, type OpenTable, type RowKey, type TableCodec } from '../../platform/tables/tables.ts';
import { ROWS_AT_ONCE } from '../limits.ts';
import { type Grant, type GrantName, grantSchema, type GrantStore } from './grant.ts';

/** The grants of a person lie together. */
const addressOf = ({ tenantId, userId, id }: GrantName): RowKey => ({
  partition: tenantId,
  row: `${userId}_${id}`,
});

const codec: TableCodec<Grant> = {
  key: addressOf,
  columns: ({ expiresAt }) => ({ expiresAt: new Date(expiresAt) }),
  parse: (document) => grantSchema.parse(document),
};

/** Stores grants in Azure Tables: one partition per tenant, one row per grant. */
export function azureTableGrantStore(open: OpenTable): GrantStore {
  const table = open('oauthGrants', codec);
  return {
    find: (name) => table.get(addressOf(name)),
    add: (grant) => table.insert(grant),
    replace: (grant, etag) => table.replace(grant, etag),
    remove: async (name) =>
      (await table.remove(addressOf(name), ANY_ETAG)) === 'removed' ? 'removed' : 'missing',
    async *ofUser(tenantId, userId) {
      let after: string | undefined;
      do {
        const page = await table.range(tenantId, `${userId}_`, '', ROWS_AT_ONCE, after);
        yield* page.items;
        after = page.after;
      } while (after !== undefined);
    },
    purge: (now) => purgeExpired(table, codec, now),
  };
}
