import type { DomainError } from '../../../shared/platform/base/errors.ts';
import { type Failure, fail, succeed } from '../../../shared/platform/base/result.ts';
import type { Result } from '../../../shared/platform/base/result.ts';
import { GATEWAY_META } from '../../../shared/registry/serverJson/gatewayMeta.ts';
import { withoutSecrets } from '../../../shared/registry/secrets/literalSecrets.ts';
import { OFFICIAL_META } from '../../../shared/registry/serverJson/serverJson.ts';
import type { PublishedVersion, Versions } from '../../../shared/registry/versions/publishedVersion.ts';
import { problemAnswer } from '../../http/answers.ts';
import type { Answer } from '../../http/route.ts';

/** In the words of the API, which clients show as they are. */
export const serverNotFound: Failure = fail({ kind: 'not_found', message: 'Server not found' });

/** Writes versions as the API's ServerResponse, with what the gateway adds. */
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

/** The API's ServerList. */
export const serverList = (
  versions: Versions,
  view: (version: PublishedVersion) => object,
  nextCursor?: string,
): Result<Answer> => ok({ servers: versions.map(view), metadata: { nextCursor, count: versions.length } });

/** A problem document with the field `error`, which the API's own description has in its place. */
export function wordError(error: DomainError): Answer {
  const answer = problemAnswer(error);
  return { ...answer, body: { error: error.message, ...(answer.body as object) } };
}
