import { isDeepStrictEqual } from 'node:util';
import { MAX_CLOCK_SKEW_MS } from '../limits.ts';
import type { UpstreamEntry } from '../officialApi/upstreamEntry.ts';
import { changedField } from '../versions/changes.ts';
import type { PublishedVersion, Versions } from '../versions/publishedVersion.ts';

export interface Follower {
  readonly tenantId: string;
  /** The host of the registry that is followed. */
  readonly source: string;
  readonly now: Date;
}

/**
 * The versions of a server after an entry of the other registry was applied. `ours`: this tenant publishes under that name, so
 * the entry is ignored. `altered`: the entry changes what clients run of a version, so its content is not imported.
 */
export interface Followed {
  readonly versions: Versions;
  readonly outcome: 'published' | 'updated' | 'unchanged' | 'ours' | 'altered';
}

/** Applies an entry to the versions of its server. It is idempotent; decisions of this tenant's administrators stay. */
export function follow(entry: UpstreamEntry, versions: Versions, follower: Follower): Followed {
  const told = withoutFuture(entry, follower.now);
  const existing = versions.find(({ server }) => server.version === told.server.version);
  if (existing?.upstream) return followChange(told, existing, existing.upstream, versions, follower);
  // Otherwise a stranger who owns the name in the other registry could publish the latest version here.
  if (versions.some(({ upstream }) => !upstream)) return { versions, outcome: 'ours' };
  return { versions: [...versions, firstTaken(told, follower)], outcome: 'published' };
}

function firstTaken(told: UpstreamEntry, { tenantId, source, now }: Follower): PublishedVersion {
  const takenAt = now.toISOString();
  const publishedAt = told.publishedAt ?? takenAt;
  const updatedAt = told.updatedAt ?? publishedAt;
  return {
    tenantId,
    server: told.server,
    ...statusOf(told),
    statusChangedAt: told.statusChangedAt ?? updatedAt,
    publishedAt,
    updatedAt,
    isLatest: false,
    publicationId: 'upstream',
    tags: [],
    upstream: { source, takenAt, decidedHere: [] },
  };
}

function followChange(
  told: UpstreamEntry,
  existing: PublishedVersion,
  upstream: NonNullable<PublishedVersion['upstream']>,
  versions: Versions,
  { source, now }: Follower,
): Followed {
  const isAltered = changedField(existing.server, told.server) !== undefined;
  const keeps = new Set(upstream.decidedHere);
  const same = { versions, outcome: isAltered ? 'altered' : 'unchanged' } as const;
  const described: PublishedVersion =
    keeps.has('description') || isAltered ? existing : { ...existing, server: told.server };
  const decided = keeps.has('status') ? described : withStatus(described, told, now);
  // A version that is partly decided here gets a new time only if its content changes.
  if (keeps.size > 0 && isDeepStrictEqual(decided, existing)) return same;
  const dated = { ...decided, updatedAt: latest(existing.updatedAt, told.updatedAt) };
  if (isDeepStrictEqual(dated, existing)) return same;
  const followed = { ...dated, upstream: { ...upstream, source, takenAt: now.toISOString() } };
  return {
    versions: versions.map((version) => (version === existing ? followed : version)),
    outcome: 'updated',
  };
}

function withStatus(version: PublishedVersion, told: UpstreamEntry, now: Date): PublishedVersion {
  const { statusMessage: _, ...rest } = version;
  const changed = { ...rest, ...statusOf(told) };
  const isSame = changed.status === version.status && changed.statusMessage === version.statusMessage;
  const otherwise = isSame ? version.statusChangedAt : (told.updatedAt ?? now.toISOString());
  return { ...changed, statusChangedAt: told.statusChangedAt ?? otherwise };
}

/** In the API, the status `active` has no message. */
const statusOf = ({ status, statusMessage }: UpstreamEntry) => ({
  status,
  ...(status !== 'active' && statusMessage !== undefined && statusMessage !== '' && { statusMessage }),
});

const latest = (one: string, other = one): string => (one > other ? one : other);

/** Drops times in the future: versions published here later would have to come after them. */
function withoutFuture(entry: UpstreamEntry, now: Date): UpstreamEntry {
  const past = (time: string | undefined) =>
    time !== undefined && Date.parse(time) <= now.getTime() + MAX_CLOCK_SKEW_MS ? time : undefined;
  return {
    ...entry,
    statusChangedAt: past(entry.statusChangedAt),
    publishedAt: past(entry.publishedAt),
    updatedAt: past(entry.updatedAt),
  };
}
