import type { DomainError } from '../../../shared/platform/base/errors.ts';
import { fail, type Failure, type Result, succeed } from '../../../shared/platform/base/result.ts';
import { withoutSecrets } from '../../../shared/registry/secrets/literalSecrets.ts';
import { GATEWAY_META } from '../../../shared/registry/serverJson/gatewayMeta.ts';
import { OFFICIAL_META } from '../../../shared/registry/serverJson/serverJson.ts';
import type { PublishedVersion, Versions } from '../../../shared/registry/versions/publishedVersion.ts';
import { problemAnswer } from '../../http/answers.ts';
import type { Answer } from '../../http/route.ts';

/** The exact message of the official API, which clients display. */
export const serverNotFound: Failure = fail({ kind: 'not_found', message: 'Server not found' });

/** Returns a function that maps versions to the API's ServerResponse, with the gateway's own `_meta`. */
export function createView(publicOrigin: string): (version: PublishedVersion) => object {
  return (version) => {
    const { server, status, statusMessage, statusChangedAt, publishedAt, updatedAt, isLatest } = version;
    const { slug, tags, upstream } = version;
    return {
      // Versions that were published before literal secrets were refused may hold some.
      server: withoutSecrets(server),
      _meta: {
        [OFFICIAL_META]: { status, statusMessage, statusChangedAt, publishedAt, updatedAt, isLatest },
        [GATEWAY_META]: {
          slug,
          endpoint: slug === undefined ? undefined : `${publicOrigin}/servers/${slug}/mcp`,
          tags,
          source: upstream?.source,
        },
      },
    };
  };
}

export const ok = (body: object): Result<Answer> => succeed({ status: 200, body });

/** Returns the API's ServerList. */
export const serverList = (
  versions: Versions,
  view: (version: PublishedVersion) => object,
  nextCursor?: string,
): Result<Answer> => ok({ servers: versions.map(view), metadata: { nextCursor, count: versions.length } });

/** Returns a problem document with the additional field `error` of the official API. */
export function formatError(error: DomainError): Answer {
  const answer = problemAnswer(error);
  return { ...answer, body: { error: error.message, ...(answer.body as object) } };
}
