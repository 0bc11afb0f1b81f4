import * as z from 'zod';
import { readServerHealth } from '../gateway/upstream/serverHealth.ts';
import type { Clock } from '../platform/base/clock.ts';
import { InfrastructureError } from '../platform/base/errors.ts';
import type { StateStore } from '../platform/state/stateStore.ts';
import type { ServerStore } from '../registry/records/serverStore.ts';
import { withTimeout } from './withTimeout.ts';

const serverStatuses = ['healthy', 'degraded', 'failed', 'unknown'] as const;
type ServerStatus = (typeof serverStatuses)[number];

/** The registered servers. They are not parts of the gateway, so they do not change its health. */
export const serversPartSchema = z.object({
  status: z.enum(['healthy', 'degraded', 'failed', 'unknown']).describe('The worst of all servers.'),
  counts: z.partialRecord(z.enum(serverStatuses), z.number()).describe('Active servers by their health.'),
  affected: z
    .array(
      z.object({
        slug: z.string(),
        status: z.enum(serverStatuses),
        checkedAt: z.iso.datetime().describe('The last contact with the server.'),
        reason: z.string().optional(),
      }),
    )
    .describe('Servers that are not healthy, the worst first; 20 at most.'),
  isCut: z.literal(true).optional().describe('There are more servers than were read.'),
});
export type ServersPart = z.infer<typeof serversPartSchema>;

const READ_WITHIN_MS = 3_000;
/** A record holds all lists of its server, so only a few are read at once, and not all of a large registry. */
const PAGE = 20;
const MAX_SERVERS = 200;
const MAX_AFFECTED = 20;
const worstFirst: readonly ServerStatus[] = ['failed', 'degraded', 'unknown', 'healthy'];

interface ServersDeps {
  readonly servers: Pick<ServerStore, 'list'>;
  readonly shortLived: StateStore;
  readonly clock: Clock;
}

/** Returns the health of the active servers of a tenant, from their last contacts. It calls no server. */
export async function readServersPart(tenantId: string, deps: ServersDeps): Promise<ServersPart> {
  try {
    return (await withTimeout(readAll(tenantId, deps), READ_WITHIN_MS)) ?? unknown;
  } catch (error) {
    if (error instanceof InfrastructureError) return unknown;
    throw error;
  }
}

const unknown: ServersPart = { status: 'unknown', counts: {}, affected: [] };

async function readAll(
  tenantId: string,
  { servers, shortLived: state, clock }: ServersDeps,
): Promise<ServersPart> {
  const found: ServersPart['affected'] = [];
  let after: string | undefined;
  do {
    const page = await servers.list(tenantId, { status: 'active' }, PAGE, after);
    const read = page.items.map(async (record) => {
      const health = await readServerHealth(tenantId, record, { state, clock });
      return health ? [{ slug: record.slug, ...health }] : [];
    });
    found.push(...(await Promise.all(read)).flat());
    after = page.after;
  } while (after !== undefined && found.length < MAX_SERVERS);
  const bad = found.filter(({ status }) => status !== 'healthy');
  bad.sort((a, b) => worstFirst.indexOf(a.status) - worstFirst.indexOf(b.status));
  const counts = [...Map.groupBy(found, ({ status }) => status)].map(([status, all]) => [status, all.length]);
  return {
    status: bad[0]?.status ?? 'healthy',
    counts: Object.fromEntries(counts) as ServersPart['counts'],
    affected: bad.slice(0, MAX_AFFECTED),
    ...(after !== undefined && { isCut: true as const }),
  };
}
