import { z } from 'zod';

export const versionStatuses = ['active', 'deprecated', 'deleted'] as const;
export type VersionStatus = (typeof versionStatuses)[number];

/** What says that a version was taken over from another registry, and how far that registry still decides about it. */
const upstreamSchema = z.object({
  /** The host of that registry. */
  source: z.string(),
  /** When it last changed by what that registry says. */
  takenAt: z.iso.datetime(),
  /** What was decided here by hand since, and stays. */
  decidedHere: z.array(z.enum(['status', 'description'])),
});

/** One version of a server as its tenant published it. What clients run of it never changes. */
export const publishedVersionSchema = z.object({
  tenantId: z.string(),
  /** The `server.json`, validated when it was published. */
  server: z.looseObject({ name: z.string(), version: z.string(), description: z.string() }),
  status: z.enum(versionStatuses),
  statusMessage: z.string().optional(),
  statusChangedAt: z.iso.datetime(),
  /** Of those published here, later than that of every version before; of others, what their registry says. */
  publishedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** True of exactly one version of a server. */
  isLatest: z.boolean(),
  /** Of the call that published it: a call that is repeated finds that it has succeeded. */
  publicationId: z.string(),
  /** The registered server that it describes, where it is one of the gateway's. */
  slug: z.string().optional(),
  /** The tenant that shares that server with this one; absent where it is the tenant's own. */
  sharedBy: z.string().optional(),
  tags: z.array(z.string()),
  /** Absent: it was published here. */
  upstream: upstreamSchema.optional(),
});
export type PublishedVersion = z.infer<typeof publishedVersionSchema>;

/** What a publisher hands in. */
export type Publication = Pick<
  PublishedVersion,
  'tenantId' | 'server' | 'slug' | 'sharedBy' | 'tags' | 'publicationId'
>;

/** All versions of one server; the order says nothing. */
export type Versions = readonly PublishedVersion[];
