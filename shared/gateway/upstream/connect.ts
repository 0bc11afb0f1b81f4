import type { Principal } from '../../identity/principal.ts';
import type { OutboundClient } from '../../platform/outbound.ts';
import type { Era } from '../../registry/server.ts';
import type { Connection } from './connection.ts';
import { legacyConnection } from './legacy.ts';
import { modernConnection } from './modern.ts';
import { createSessionPool } from './sessions.ts';

/** Connects a caller to a server of the given era. */
export type Connect = (url: string, era: Era, principal: Principal) => Connection;

/** Sessions that one instance holds: about what its memory and a tenant's busy users need. */
const MAX_SESSIONS = 1_000;

export function createConnect(outbound: OutboundClient): Connect {
  const sessions = createSessionPool(outbound, MAX_SESSIONS);
  const byEra: Record<Era, (url: string, principal: Principal) => Connection> = {
    legacy: (url, { tenantId, userId }) =>
      legacyConnection(sessions.of(JSON.stringify([tenantId, userId, url]), url)),
    modern: (url) => modernConnection(outbound, url),
  };
  return (url, era, principal) => byEra[era](url, principal);
}
