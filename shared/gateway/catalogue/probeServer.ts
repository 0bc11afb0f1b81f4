import type { Credentials } from '../../identity/credentials/credentials.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { Result } from '../../platform/base/result.ts';
import type { Discovery, ServerRecord } from '../../registry/records/server.ts';
import { needsUser } from '../../registry/records/upstreamSettings.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import type { NoteHealth } from '../upstream/serverHealth.ts';
import { discoverServer } from './discovery.ts';

export interface ProbeDeps {
  readonly outboundTo: OutboundTo;
  readonly clock: Clock;
  readonly noteHealth: NoteHealth;
  readonly credentials: Pick<Credentials, 'isPersonal'>;
}

/**
 * Discovers a registered server again within a time, and notes the outcome as its health. A failure is not noted if the caller
 * has cancelled, or if the server needs a credential of each user: then no request was sent.
 */
export async function probeServer(
  server: ServerRecord,
  deps: ProbeDeps,
  withinMs: number,
  cancelled?: AbortSignal,
): Promise<Result<Discovery>> {
  const timeout = AbortSignal.timeout(withinMs);
  const found = await discoverServer(
    server,
    deps,
    cancelled ? AbortSignal.any([cancelled, timeout]) : timeout,
    server.discovery,
  );
  if (found.ok) deps.noteHealth(server.tenantId, server, { status: 'healthy' });
  else if (cancelled?.aborted !== true && !needsUser(server, deps.credentials))
    deps.noteHealth(server.tenantId, server, { status: 'failed', reason: found.error.message });
  return found;
}
