import { isDeepStrictEqual } from 'node:util';
import { otherField } from '../versions/changes.ts';
import type { PublishedVersion, Versions } from '../versions/publishedVersion.ts';
import type { UpstreamEntry } from '../officialApi/upstreamEntry.ts';

export interface Follower {
  readonly tenantId: string;
  /** The host of the registry that is followed. */
  readonly source: string;
  readonly now: Date;
}

/**
 * What an entry of the other registry made of the versions of its server. `ours`: the name is one that this tenant
 * publishes under, and nothing comes in beside that. `altered`: what clients run of the version is not what was taken over.
 */
export interface Followed {
  readonly versions: Versions;
  readonly outcome: 'published' | 'updated' | 'unchanged' | 'ours' | 'altered';
}

/**
 * Takes an entry over into the versions of its server. It is safe to repeat; what was decided here by hand stays.
 */
export function follow(entry: UpstreamEntry, versions: Versions, follower: Follower): Followed {
  const told = withoutFuture(entry, follower.now);
  const existing = versions.find(({ server }) => server.version === told.server.version);
  if (existing?.upstream) return followChange(told, existing, existing.upstream, versions, follower);
  // A stranger who gets hold of the name elsewhere could otherwise publish what becomes the latest version here.
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
  const isAltered = otherField(existing.server, told.server) !== undefined;
  const keeps = new Set(upstream.decidedHere);
  const same = { versions, outcome: isAltered ? 'altered' : 'unchanged' } as const;
  const described: PublishedVersion =
    keeps.has('description') || isAltered ? existing : { ...existing, server: told.server };
  const decided = keeps.has('status') ? described : withStatus(described, told, now);
  // What is decided here in part has a time of its own, which changes only with what it shows.
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

/** The API knows no message to `active`. */
const statusOf = ({ status, statusMessage }: UpstreamEntry) => ({
  status,
  ...(status !== 'active' && statusMessage !== undefined && statusMessage !== '' && { statusMessage }),
});

const latest = (one: string, other = one): string => (one > other ? one : other);

/** Two clocks may differ by this much. */
const MAX_SKEW_MS = 600_000;

/** A time that is yet to come is no time of a past act; what is published here afterwards would have to come after it. */
function withoutFuture(entry: UpstreamEntry, now: Date): UpstreamEntry {
  const past = (time: string | undefined) =>
    time !== undefined && Date.parse(time) <= now.getTime() + MAX_SKEW_MS ? time : undefined;
  return {
    ...entry,
    statusChangedAt: past(entry.statusChangedAt),
    publishedAt: past(entry.publishedAt),
    updatedAt: past(entry.updatedAt),
  };
}
