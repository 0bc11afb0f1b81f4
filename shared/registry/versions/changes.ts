import { isDeepStrictEqual } from 'node:util';
import { fail, invalid, type Result, succeed } from '../../platform/base/result.ts';
import type { Publication, PublishedVersion, Versions, VersionStatus } from './publishedVersion.ts';

/**
 * Decides the new versions of one server. The store calls it again with other versions when another change came first, and with
 * its own result when the answer of the table was lost.
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

/** Returns the current time, or a time just after the latest version: the clocks of two instances differ. */
function publicationTime(versions: Versions, now: Date): string {
  const before = Math.max(...versions.map(({ publishedAt }) => Date.parse(publishedAt)));
  return new Date(Math.max(now.getTime(), before + 1)).toISOString();
}

/** The fields that identify a version and decide what clients run. */
const fixedFields = ['name', 'version', 'packages', 'remotes'] as const;
type Document = PublishedVersion['server'];

/** Returns the first fixed field in which two documents differ, or `undefined`. */
export const changedField = (one: Document, other: Document): string | undefined =>
  fixedFields.find((field) => !isDeepStrictEqual(one[field], other[field]));

/** Marks a field of an imported version as decided here: later syncs leave it unchanged. */
function decidedHere(version: PublishedVersion, what: 'status' | 'description'): PublishedVersion {
  const { upstream } = version;
  if (!upstream) return version;
  return {
    ...version,
    upstream: { ...upstream, decidedHere: [...new Set([...upstream.decidedHere, what])] },
  };
}

/** Changes the description of a version. Failures: `not_found`; `invalid` if a fixed field would change. */
export function edit(
  version: string,
  { server, tags }: Pick<Publication, 'server' | 'tags'>,
  now: Date,
): Decision {
  return (versions) => {
    const existing = versions.find((published) => published.server.version === version);
    if (!existing) return notPublished;
    const changed = changedField(existing.server, server);
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
 * Sets the status of one version, or of all versions if none is named. Failures: `not_found`; `invalid` if all of them have the
 * status already, or for a message with the status `active`.
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

/** Removes a version from every list. Failure: `not_found`, also if the version was deleted before. */
export function remove(version: string, now: Date): Decision {
  const decide = setStatus(version, { status: 'deleted' }, now);
  return (versions) => {
    const decided = decide(versions);
    return !decided.ok && decided.error.kind === 'invalid' ? notPublished : decided;
  };
}

const notPublished = fail({ kind: 'not_found', message: 'Server not found' });
