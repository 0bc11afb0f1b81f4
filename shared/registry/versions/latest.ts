import type { PublishedVersion, Versions } from './publishedVersion.ts';

interface Dated {
  readonly version: string;
  /** ISO 8601 in UTC, so that text order is time order. */
  readonly publishedAt: string;
}

/**
 * Returns whether one version is newer than another, by the rules of the official registry: semantic versions by precedence, other
 * versions by their time of publication, and a semantic version is newer than another one. Equal precedence goes by publication.
 */
export function isNewer(one: Dated, other: Dated): boolean {
  const [mine, theirs] = [readSemver(one.version), readSemver(other.version)];
  if ((mine === undefined) !== (theirs === undefined)) return mine !== undefined;
  const order = mine && theirs ? compareSemver(mine, theirs) : 0;
  if (order !== 0) return order > 0;
  return one.publishedAt === other.publishedAt
    ? one.version > other.version
    : one.publishedAt > other.publishedAt;
}

/** Marks the one latest version: the newest that is not deleted, or the newest if all are deleted. */
export function withLatest(versions: Versions): Versions {
  const candidates = versions.some(({ status }) => status !== 'deleted')
    ? versions.filter(({ status }) => status !== 'deleted')
    : versions;
  const latest = candidates.reduce<PublishedVersion | undefined>(
    (best, version) => (best && !isNewer(dated(version), dated(best)) ? best : version),
    undefined,
  );
  return versions.map((version) => {
    const isLatest = version === latest;
    return version.isLatest === isLatest ? version : { ...version, isLatest };
  });
}

const dated = ({ server, publishedAt }: PublishedVersion): Dated => ({
  version: server.version,
  publishedAt,
});

interface Semver {
  readonly core: readonly bigint[];
  readonly prerelease: readonly string[];
}

/** https://semver.org/#backusnaur-form-grammar-for-valid-semver-versions, and a `v` before it. */
const semverPattern =
  /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$/;

function readSemver(version: string): Semver | undefined {
  const found = semverPattern.exec(version);
  if (!found) return undefined;
  const [, major = '', minor = '', patch = '', prerelease] = found;
  return { core: [major, minor, patch].map(BigInt), prerelease: prerelease?.split('.') ?? [] };
}

/** https://semver.org/#spec-item-11; build metadata is ignored. */
function compareSemver(one: Semver, other: Semver): number {
  for (const [index, number] of one.core.entries()) {
    const theirs = other.core[index] ?? 0n;
    if (number !== theirs) return number > theirs ? 1 : -1;
  }
  const [mine, theirs] = [one.prerelease, other.prerelease];
  if (mine.length === 0 || theirs.length === 0)
    return Number(mine.length === 0) - Number(theirs.length === 0);
  for (const [index, identifier] of mine.entries()) {
    const order = compareIdentifiers(identifier, theirs[index]);
    if (order !== 0) return order;
  }
  return mine.length - theirs.length;
}

function compareIdentifiers(one: string, other: string | undefined): number {
  if (other === undefined) return 1;
  if (one === other) return 0;
  const [mine, theirs] = [/^\d+$/.test(one), /^\d+$/.test(other)];
  if (mine && theirs) return BigInt(one) > BigInt(other) ? 1 : -1;
  if (mine !== theirs) return mine ? -1 : 1;
  return one > other ? 1 : -1;
}
