import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { Stored } from '../../platform/tables/tables.ts';
import type { ServerRecord } from '../../registry/records/server.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import type { Caller } from '../model/caller.ts';

/** The server that a caller wants to change. With an ETag: only as it was when the caller read it. */
export interface ServerChange {
  readonly slug: string;
  readonly etag?: string | undefined;
}

interface Deps {
  readonly servers: Pick<ServerStore, 'find'>;
}

/** Returns the server. Failures: `not_found`; `conflict` where the ETag is no longer that of the record. */
export async function findServer(
  { slug, etag }: ServerChange,
  { actor }: Pick<Caller, 'actor'>,
  { servers }: Deps,
): Promise<Result<Stored<ServerRecord>>> {
  const stored = await servers.find(actor.tenantId, slug);
  if (!stored) return fail({ kind: 'not_found', message: `there is no server "${slug}"` });
  if (etag === undefined || etag === stored.etag) return succeed(stored);
  const message = `the server "${slug}" was changed after you read it: read it again, and decide again`;
  return fail({ kind: 'conflict', message });
}

/** Returns a server whose registration has ended. Failures as of `findServer`; `already_exists` while it is being registered. */
export async function findRegistered(
  change: ServerChange,
  caller: Pick<Caller, 'actor'>,
  deps: Deps,
): Promise<Result<Stored<ServerRecord>>> {
  const stored = await findServer(change, caller, deps);
  if (!stored.ok || stored.value.value.status !== 'pending') return stored;
  const message = `the server "${change.slug}" is still being registered: wait until its registration has ended`;
  return fail({ kind: 'already_exists', message });
}
