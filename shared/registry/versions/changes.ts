import { isDeepStrictEqual } from 'node:util';
import { invalid } from '../../platform/base/invalid.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';
import type { Publication, PublishedVersion, VersionStatus, Versions } from './publishedVersion.ts';

/**
 * Decides what becomes of the versions of one server. It may be asked anew, of other versions, when another change came
 * first, and of what it has decided already, when the answer of the store was lost.
 */
export type Decision = (versions: Versions) => Result<Versions>;

/** Adds a version. Failure: `already_exists`. */
export function publish(publication: Publication, now: Date): Decision {
  const { tenantId, server, slug, sharedBy, tags, publicationId } = publication;
  return (versions) => {
    const existing = versions.find((version) => version.server.version === server.version);
    if (existing?.publicationId === publicationId) return succeed(versions);
    if (existing) {
      return fail({
        kind: 'already_exists',
        message: `${server.name} ${server.version} is published already: publish a new version`,
        errors: [{ path: 'version', message: 'is published already' }],
      });
    }
    const at = publicationTime(versions, now);
    const added: PublishedVersion = {
      tenantId,
      server,
      status: 'active',
      statusChangedAt: at,
      publishedAt: at,
      updatedAt: at,
      isLatest: false,
      publicationId,
      ...(slug !== undefined && { slug }),
      ...(sharedBy !== undefined && { sharedBy }),
      tags,
    };
    return succeed([...versions, added]);
  };
}

/** Now, or just after the version before: the clocks of two instances differ. */
function publicationTime(versions: Versions, now: Date): string {
  const before = Math.max(...versions.map(({ publishedAt }) => Date.parse(publishedAt)));
  return new Date(Math.max(now.getTime(), before + 1)).toISOString();
}

/** What a version is and what clients run of it. */
const fixedFields = ['name', 'version', 'packages', 'remotes'] as const;
type Document = PublishedVersion['server'];

/** The first field in which another document would make it another version, if there is one. */
export const otherField = (one: Document, other: Document): string | undefined =>
  fixedFields.find((field) => !isDeepStrictEqual(one[field], other[field]));

/** The version, with a note for the registry that it was taken over from: this is decided here from now on. */
function decidedHere(version: PublishedVersion, what: 'status' | 'description'): PublishedVersion {
  const { upstream } = version;
  if (!upstream) return version;
  return {
    ...version,
    upstream: { ...upstream, decidedHere: [...new Set([...upstream.decidedHere, what])] },
  };
}

/** Corrects how a version is described. Failures: `not_found`; `invalid` where it would become another one. */
export function edit(
  version: string,
  { server, tags }: Pick<Publication, 'server' | 'tags'>,
  now: Date,
): Decision {
  return (versions) => {
    const existing = versions.find((published) => published.server.version === version);
    if (!existing) return notPublished;
    const changed = otherField(existing.server, server);
    if (changed !== undefined)
      return invalid(changed, 'cannot be changed once published: publish a new version');
    const edited = {
      ...decidedHere(existing, 'description'),
      server,
      tags,
      updatedAt: now.toISOString(),
    };
    return succeed(versions.map((published) => (published === existing ? edited : published)));
  };
}

export interface StatusUpdate {
  readonly status: VersionStatus;
  readonly statusMessage?: string | undefined;
}

/**
 * Sets the status of one version, or of all where none is named. Failures: `not_found`; `invalid` when all of them have it already, or for a
 * message to `active`.
 */
export function setStatus(version: string | undefined, update: StatusUpdate, now: Date): Decision {
  const { status, statusMessage } = update;
  const at = now.toISOString();
  return (versions) => {
    const wanted = versions.filter(({ server }) => version === undefined || server.version === version);
    if (wanted.length === 0) return notPublished;
    if (status === 'active' && statusMessage !== undefined) {
      return invalid('statusMessage', 'cannot be given with the status active');
    }
    const differs = (published: PublishedVersion) =>
      published.status !== status || published.statusMessage !== statusMessage;
    if (!wanted.some((published) => differs(published) || published.statusChangedAt === at)) {
      const message = `No changes to apply: status is already ${status}`;
      return fail({
        kind: 'invalid',
        message,
        errors: [{ path: 'status', message: `is already ${status}` }],
      });
    }
    return succeed(
      versions.map((published) => {
        if (!wanted.includes(published) || !differs(published)) return published;
        const { statusMessage: _, ...rest } = decidedHere(published, 'status');
        return {
          ...rest,
          status,
          ...(statusMessage !== undefined && { statusMessage }),
          statusChangedAt: at,
          updatedAt: at,
        };
      }),
    );
  };
}

/** Takes a version out of every list. Failure: `not_found`, also where it is deleted already. */
export function remove(version: string, now: Date): Decision {
  const decide = setStatus(version, { status: 'deleted' }, now);
  return (versions) => {
    const decided = decide(versions);
    return !decided.ok && decided.error.kind === 'invalid' ? notPublished : decided;
  };
}

const notPublished = fail({ kind: 'not_found', message: 'Server not found' });
