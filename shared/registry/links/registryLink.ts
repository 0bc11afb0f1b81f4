import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Page } from '../../platform/tables/tables.ts';
import { DEFAULT_LINK_DAYS, MAX_LINK_DAYS } from '../limits.ts';
import { tagsSchema } from '../serverJson/gatewayMeta.ts';

/** A URL by which clients without a token read the registry of a tenant. Possession of the URL grants the read. */
export const registryLinkSchema = z.object({
  tenantId: z.string(),
  /** The hash of its secret. The secret is stored nowhere, so a reader of the table cannot use a link. */
  id: z.string(),
  name: z.string(),
  /** The link shows servers with one of these tags; all servers when absent. */
  tags: tagsSchema.optional(),
  createdBy: z.string(),
  createdAt: z.iso.datetime(),
  /** Absent in rows of versions whose links did not expire: see `expiryOf`. */
  expiresAt: z.iso.datetime().optional(),
});
export type RegistryLink = z.infer<typeof registryLinkSchema>;

/** Returns when a link expires that was created at this time. */
export const linkExpiry = (createdAt: Date, days: number): Date =>
  new Date(createdAt.getTime() + days * 24 * 3_600_000);

/** Returns when a link expires. For a row without `expiresAt` it is the default number of days after the creation. */
export const expiryOf = ({ createdAt, expiresAt }: RegistryLink): Date =>
  expiresAt === undefined ? linkExpiry(new Date(createdAt), DEFAULT_LINK_DAYS) : new Date(expiresAt);

/** The body of a request for a new link. */
export const linkRequestSchema = z.strictObject({
  name: z.string().trim().min(1).max(100),
  tags: tagsSchema.min(1, 'must have a tag, or be absent for all servers').optional(),
  expiresInDays: z.int().min(1).max(MAX_LINK_DAYS).default(DEFAULT_LINK_DAYS),
});
export type LinkRequest = z.infer<typeof linkRequestSchema>;

/** Returns the id of a link: a plain hash, since nobody can guess a secret of 256 random bits. */
export const linkIdOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Stores the links of all tenants. An outage is thrown, never read as "not found". */
export interface RegistryLinkStore {
  /** Finds a link of any tenant by the hash of its secret. The time that it takes reveals nothing about a secret. */
  find(id: string): Promise<RegistryLink | undefined>;
  /** Returns links in the order of their ids; `after` is the last one of the page before. */
  list(tenantId: string, limit: number, after?: string): Promise<Page<RegistryLink>>;
  add(link: RegistryLink): Promise<void>;
  /** Returns false if the tenant has no such link. */
  revoke(tenantId: string, id: string): Promise<boolean>;
}
