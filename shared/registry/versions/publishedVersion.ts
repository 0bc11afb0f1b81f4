import * as z from 'zod';

export const versionStatuses = ['active', 'deprecated', 'deleted'] as const;
export type VersionStatus = (typeof versionStatuses)[number];

/** The origin of a version that was imported from another registry, and the fields that registry no longer decides. */
const upstreamSchema = z.object({
  /** The host of that registry. */
  source: z.string(),
  /** When the version last changed because of that registry. */
  takenAt: z.iso.datetime(),
  /** The fields that an administrator decided here; syncs leave them unchanged. */
  decidedHere: z.array(z.enum(['status', 'description'])),
});

/** One published version of a server. Its fixed fields, which decide what clients run, never change. */
export const publishedVersionSchema = z.object({
  tenantId: z.string(),
  /** The `server.json`, validated when it was published. */
  server: z.looseObject({ name: z.string(), version: z.string(), description: z.string() }),
  status: z.enum(versionStatuses),
  statusMessage: z.string().optional(),
  statusChangedAt: z.iso.datetime(),
  /** Later than that of every earlier version; of an imported version, the time that its registry gives. */
  publishedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** True of exactly one version of a server. */
  isLatest: z.boolean(),
  /** The id of the call that published it, by which a repeated call finds its result. */
  publicationId: z.string(),
  /** The registered server that it describes; absent for others. */
  slug: z.string().optional(),
  /** The tenant that shares that server with this one; absent for the tenant's own servers. */
  sharedBy: z.string().optional(),
  tags: z.array(z.string()),
  /** Absent: the version was published here. */
  upstream: upstreamSchema.optional(),
});
export type PublishedVersion = z.infer<typeof publishedVersionSchema>;

/** The input of a publication. */
export type Publication = Pick<
  PublishedVersion,
  'tenantId' | 'server' | 'slug' | 'sharedBy' | 'tags' | 'publicationId'
>;

/** All versions of one server, in no order. */
export type Versions = readonly PublishedVersion[];
