import type { Result } from '../../../shared/platform/base/result.ts';
import type { PublishedVersion } from '../../../shared/registry/versions/publishedVersion.ts';
import type { VersionStore } from '../../../shared/registry/versions/versionStore.ts';
import type { Answer } from '../../http/route.ts';
import { createView, ok, serverList, serverNotFound } from './answers.ts';
import { readIncludeDeleted, readListQuery, writeCursor } from './query.ts';
import { readTarget } from './target.ts';

export interface ReadDeps {
  readonly versions: VersionStore;
  readonly publicOrigin: string;
}

/** Whose servers are read: a tenant's, or those of them that have one of some tags. */
export interface Scope {
  readonly tenantId: string;
  readonly tags?: readonly string[] | undefined;
}

/** Answers a GET of `/servers` and of what is below it. Failures: `invalid`, `not_found`. */
export type RegistryReader = (scope: Scope, rest: string, query: URLSearchParams) => Promise<Result<Answer>>;

export function createReader({ versions, publicOrigin }: ReadDeps): RegistryReader {
  const view = createView(publicOrigin);

  const list = async ({ tenantId, tags }: Scope, query: URLSearchParams) => {
    const wanted = readListQuery(query);
    if (!wanted.ok) return wanted;
    const { filter, limit, after } = wanted.value;
    const page = await versions.list(tenantId, { ...filter, tags }, limit, after);
    return serverList(page.items, view, writeCursor(page.after));
  };

  return async (scope, rest, query) => {
    const target = readTarget(rest);
    if (target?.kind === 'list') return list(scope, query);
    if (target === undefined || target.kind === 'status') return serverNotFound;
    const includeDeleted = readIncludeDeleted(query);
    if (!includeDeleted.ok) return includeDeleted;
    const isShown = ({ status, tags }: PublishedVersion) =>
      (includeDeleted.value || status !== 'deleted') &&
      (scope.tags === undefined || scope.tags.some((tag) => tags.includes(tag)));
    const { name } = target;
    if (target.kind === 'versions') {
      const shown = (await versions.versionsOf(scope.tenantId, name)).filter(isShown);
      const newestFirst = shown.toSorted((one, other) => (one.publishedAt < other.publishedAt ? 1 : -1));
      return shown.length === 0 ? serverNotFound : serverList(newestFirst, view);
    }
    const found =
      target.version === 'latest'
        ? await versions.findLatest(scope.tenantId, name)
        : await versions.find(scope.tenantId, name, target.version);
    return found && isShown(found) ? ok(view(found)) : serverNotFound;
  };
}
