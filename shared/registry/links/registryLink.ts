import { createHash } from 'node:crypto';
import { z } from 'zod';
import { tagsSchema } from '../serverJson/gatewayMeta.ts';

/** A URL by which clients that send no token read the registry of a tenant. Whoever knows the URL may read. */
export const registryLinkSchema = z.object({
  tenantId: z.string(),
  /** The hash of its secret, which is kept nowhere: who reads the table cannot use a link. */
  id: z.string(),
  name: z.string(),
  /** Only servers with one of these are read; all of them when absent. */
  tags: tagsSchema.optional(),
  createdBy: z.string(),
  createdAt: z.iso.datetime(),
  /** Absent in rows that were written before links expired: see `expiryOf`. */
  expiresAt: z.iso.datetime().optional(),
});
export type RegistryLink = z.infer<typeof registryLinkSchema>;

/** How long a link is valid by default, and at most. */
export const DEFAULT_LINK_DAYS = 90;
export const MAX_LINK_DAYS = 365;

/** Returns when a link expires that was created at this time. */
export const linkExpiry = (createdAt: Date, days: number): Date =>
  new Date(createdAt.getTime() + days * 24 * 3_600_000);

/** Returns when a link expires: for a row without a time, the default number of days after its creation. */
export const expiryOf = ({ createdAt, expiresAt }: RegistryLink): Date =>
  expiresAt === undefined ? linkExpiry(new Date(createdAt), DEFAULT_LINK_DAYS) : new Date(expiresAt);

/** What an administrator says of a new link. */
export const linkRequestSchema = z.strictObject({
  name: z.string().trim().min(1).max(100),
  tags: tagsSchema.min(1, 'must have a tag, or be absent for all servers').optional(),
  expiresInDays: z.int().min(1).max(MAX_LINK_DAYS).default(DEFAULT_LINK_DAYS),
});
export type LinkRequest = z.infer<typeof linkRequestSchema>;

/** A secret of 256 random bits needs no slow hash: nobody can try them. */
export const linkIdOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
