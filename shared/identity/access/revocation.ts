import * as z from 'zod';
import { derivedId } from '../../platform/base/ids.ts';
import { ANY_ETAG, type OpenTable, type Page, type TableCodec } from '../../platform/tables/tables.ts';
import type { Actor } from './actor.ts';

/** Whom a revocation is about: a user (or the service principal of an app) by object id, or a client application by its id. */
export type RevokedSubject = { readonly user: string } | { readonly client: string };

const revocationSchema = z.object({
  id: z.string(),
  tenantId: z.string(),
  subject: z.union([z.object({ user: z.string() }).readonly(), z.object({ client: z.string() }).readonly()]),
  /** Words of the administrator, for other administrators. */
  reason: z.string().optional(),
  createdBy: z.string(),
  createdAt: z.iso.datetime(),
});

/** An administrator ended the access of a user, or of a client, in one tenant. It holds until an administrator lifts it. */
export type Revocation = Readonly<z.infer<typeof revocationSchema>>;

/** Returns the id of the one revocation that a subject can have in a tenant. */
export const revocationIdOf = (subject: RevokedSubject): string => derivedId(subject);

/** What a revocation can be about in a request: its user and its client. */
export const subjectsOf = ({
  userId,
  clientId,
}: Pick<Actor, 'userId' | 'clientId'>): readonly RevokedSubject[] => [{ user: userId }, { client: clientId }];

/** Stores the revocations of all tenants durably. An outage is thrown, never read as "not revoked". */
export interface RevocationStore {
  find(tenantId: string, id: string): Promise<Revocation | undefined>;
  /** Returns revocations in the order of their ids. */
  list(tenantId: string, limit: number, after?: string): Promise<Page<Revocation>>;
  add(revocation: Revocation): Promise<'inserted' | 'exists'>;
  remove(tenantId: string, id: string): Promise<'removed' | 'missing'>;
}

const codec: TableCodec<Revocation> = {
  key: ({ tenantId, id }) => ({ partition: tenantId, row: id }),
  columns: () => ({}),
  parse: (document) => revocationSchema.parse(document),
};

/** Stores revocations in Azure Tables: one partition per tenant, one row per user or client. */
export function azureTableRevocationStore(open: OpenTable): RevocationStore {
  const table = open('revocations', codec);
  return {
    find: async (tenantId, id) => (await table.get({ partition: tenantId, row: id }))?.value,
    list: (tenantId, limit, after) => table.page(tenantId, limit, after),
    add: (revocation) => table.insert(revocation),
    remove: async (tenantId, id) =>
      (await table.remove({ partition: tenantId, row: id }, ANY_ETAG)) === 'removed' ? 'removed' : 'missing',
  };
}
