import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { Stored } from '../../platform/tables/tables.ts';
import type { ServerRecord } from '../../registry/records/server.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import { checkPublishable } from '../../registry/versions/publishRecord.ts';
import { settleEntry, type SettlingDeps } from '../../registry/versions/settleEntry.ts';
import type { Caller } from '../model/caller.ts';
import { findRegistered, type ServerChange } from './findServer.ts';

interface SwitchDeps extends SettlingDeps {
  readonly servers: Pick<ServerStore, 'find' | 'replace'>;
}

/**
 * Disables or enables a registered server, and withdraws or publishes its entry. It is idempotent, so that a repetition completes
 * a call whose process died. Failures: those of `findRegistered`; `already_exists` for a rejected server, and where another server
 * has taken its published name and version.
 */
export async function switchServer(
  change: ServerChange,
  status: 'active' | 'disabled',
  caller: Pick<Caller, 'actor'>,
  deps: SwitchDeps,
): Promise<Result<Stored<ServerRecord>>> {
  for (;;) {
    const found = await findRegistered(change, caller, deps);
    if (!found.ok) return found;
    const { value: before } = found.value;
    if (before.status === 'rejected') return rejected(before);
    const at = deps.clock.now().toISOString();
    const record =
      before.status === status ? before : { ...before, status, statusChangedAt: at, updatedAt: at };
    const publishable = status === 'active' ? await checkPublishable(record, deps) : succeed(undefined);
    if (!publishable.ok) return publishable;
    let { etag } = found.value;
    if (record !== before) {
      const written = await deps.servers.replace(record, etag);
      if (written.status !== 'replaced') continue;
      ({ etag } = written);
    }
    const settled = await settleEntry(record, deps);
    return settled.ok ? succeed({ value: record, etag }) : settled;
  }
}

const rejected = ({ slug }: ServerRecord) =>
  fail({
    kind: 'already_exists',
    message: `the server "${slug}" was rejected: register it again, or change it by PUT`,
  });
