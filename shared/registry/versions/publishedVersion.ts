import { z } from 'zod';

export const versionStatuses = ['active', 'deprecated', 'deleted'] as const;
export type VersionStatus = (typeof versionStatuses)[number];

/** One version of a server as its tenant published it. What clients run of it never changes. */
export const publishedVersionSchema = z.object({
  tenantId: z.string(),
  /** The `server.json`, validated when it was published. */
  server: z.looseObject({ name: z.string(), version: z.string(), description: z.string() }),
  status: z.enum(versionStatuses),
  statusMessage: z.string().optional(),
  statusChangedAt: z.iso.datetime(),
  /** Later than that of every version published before. */
  publishedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** True of exactly one version of a server. */
  isLatest: z.boolean(),
  /** Of the call that published it: a call that is repeated finds that it has succeeded. */
  publicationId: z.string(),
  /** The registered server that it describes, where it is one of the gateway's. */
  slug: z.string().optional(),
  tags: z.array(z.string()),
});
export type PublishedVersion = z.infer<typeof publishedVersionSchema>;

/** What a publisher hands in. */
export type Publication = Pick<PublishedVersion, 'tenantId' | 'server' | 'slug' | 'tags' | 'publicationId'>;

/** All versions of one server; the order says nothing. */
export type Versions = readonly PublishedVersion[];
