import { InfrastructureError } from '../../platform/base/errors.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import type { ServerRecord } from '../records/server.ts';
import type { ServerStore } from '../records/serverStore.ts';
import { entryOf, type PublishingDeps, publishRecord, withdrawRecord } from './publishRecord.ts';

/** Each round means that another call changed the record meanwhile: so many in a row are no contention but a fault. */
const MAX_ROUNDS = 100;

export interface SettlingDeps extends PublishingDeps {
  readonly servers: Pick<ServerStore, 'find'>;
}

/**
 * Publishes the entry of a server if its record is active now, and withdraws it if not. Call it after each change of the record;
 * `before` is the record that may be published still, under a name that it has no more. A record and its entry cannot change
 * together, and a call that read the record early may publish or withdraw late. So each call reads the record again after it
 * acted: then the last to act has acted as the record says. It is idempotent. Failures: those of `publishRecord`.
 */
export async function settleEntry(before: ServerRecord, deps: SettlingDeps): Promise<Result<void>> {
  const read = () => deps.servers.find(before.tenantId, before.slug);
  let last = before;
  let stored = await read();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const settled = await settleAs(stored?.value, last, deps);
    const now = await read();
    if (now?.etag === stored?.etag) return settled;
    last = stored?.value ?? last;
    stored = now;
  }
  throw new InfrastructureError('tables', `the record of "${before.slug}" changes all the time`, undefined);
}

async function settleAs(
  record: ServerRecord | undefined,
  last: ServerRecord,
  deps: PublishingDeps,
): Promise<Result<void>> {
  const nameOf = (of: ServerRecord): string => entryOf(of, deps.publicOrigin).name;
  if (!record || nameOf(record) !== nameOf(last)) await withdrawRecord(last, deps);
  if (record?.status === 'active') {
    const published = await publishRecord(record, deps);
    return published.ok ? succeed(undefined) : published;
  }
  if (record) await withdrawRecord(record, deps);
  return succeed(undefined);
}
