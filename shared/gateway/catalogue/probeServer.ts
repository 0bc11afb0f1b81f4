import type { Credentials } from '../../identity/credentials/credentials.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { Result } from '../../platform/base/result.ts';
import type { Discovery, ServerRecord } from '../../registry/records/server.ts';
import { needsSignIn } from '../../registry/records/upstreamSettings.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import type { NoteHealth } from '../upstream/serverHealth.ts';
import { discoverForAll } from './discoverForAll.ts';

export interface ProbeDeps {
  readonly outboundTo: OutboundTo;
  readonly clock: Clock;
  readonly noteHealth: NoteHealth;
  readonly credentials: Pick<Credentials, 'isPersonal' | 'isAccount'>;
}

/**
 * Discovers a registered server again within a time, and notes the outcome as its health. A failure is not noted if the caller
 * has cancelled, or if the server needs the token of each user: then no request was sent. Nothing is noted of a server that
 * refused the gateway for want of an account.
 */
export async function probeServer(
  server: ServerRecord,
  deps: ProbeDeps,
  withinMs: number,
  cancelled?: AbortSignal,
): Promise<Result<Discovery>> {
  const timeout = AbortSignal.timeout(withinMs);
  const found = await discoverForAll(
    server,
    deps,
    cancelled ? AbortSignal.any([cancelled, timeout]) : timeout,
    server.discovery,
  );
  if (found.ok) {
    if (found.value !== server.discovery) deps.noteHealth(server.tenantId, server, { status: 'healthy' });
  } else if (cancelled?.aborted !== true && !needsSignIn(server, deps.credentials))
    deps.noteHealth(server.tenantId, server, { status: 'failed', reason: found.error.message });
  return found;
}
