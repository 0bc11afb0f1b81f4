import { z } from 'zod';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';
import { type Discovery, type ServerRecord, slugSchema } from '../../registry/records/server.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';

/** Which servers a task looks at. */
export const subjectSchema = z.strictObject({
  slug: slugSchema.optional().describe('One server; every active one, up to a bound, when absent.'),
});

/** A server that is in use. */
export type ActiveServer = ServerRecord & { readonly discovery: Discovery };

export interface Subjects {
  readonly servers: readonly ActiveServer[];
  /** Slugs of active servers beyond the bound. */
  readonly beyond: readonly string[];
}

const PAGE = 50;
/** Beyond this many, what is left out is not named any more: each record is read whole. */
const MAX_NAMED = 200;

/** The server of the slug, or the first active ones of the tenant in the order of their slugs. */
export async function subjectServers(
  slug: string | undefined,
  tenantId: string,
  servers: Pick<ServerStore, 'find' | 'list'>,
  limit: number,
): Promise<Result<Subjects>> {
  if (slug !== undefined) {
    const record = (await servers.find(tenantId, slug))?.value;
    return record && isActive(record)
      ? succeed({ servers: [record], beyond: [] })
      : fail({ kind: 'not_found', message: `there is no active server "${slug}"` });
  }
  const found: ActiveServer[] = [];
  const beyond: string[] = [];
  let after: string | undefined;
  do {
    const page = await servers.list(tenantId, { status: 'active' }, PAGE, after);
    for (const record of page.items) {
      if (!isActive(record)) continue;
      if (found.length < limit) found.push(record);
      else beyond.push(record.slug);
    }
    after = page.after;
  } while (after !== undefined && beyond.length < MAX_NAMED);
  return succeed({ servers: found, beyond });
}

const isActive = (record: ServerRecord): record is ActiveServer =>
  record.status === 'active' && record.discovery !== undefined;

/** Left for what a task does with what it has found. */
const RESERVE_MS = 3_000;

export interface Looked<T> {
  readonly results: readonly T[];
  /** Slugs of servers that there was no time for. */
  readonly untried: readonly string[];
}

/**
 * Looks at servers, some at once, and gives what was found in their order. The signal that `look` gets ends while there is still time to tell what was found, and no
 * server is begun then.
 */
export async function lookAtEach<T extends object>(
  servers: readonly ActiveServer[],
  {
    signal: given,
    deadline,
    clock,
    progress,
  }: Pick<TaskHelpers, 'signal' | 'deadline' | 'clock' | 'progress'>,
  look: (server: ActiveServer, signal: AbortSignal) => Promise<T>,
  atOnce = 3,
): Promise<Looked<T>> {
  const leftMs = Math.max(0, deadline.getTime() - clock.now().getTime() - RESERVE_MS);
  const signal = AbortSignal.any([given, AbortSignal.timeout(leftMs)]);
  const results = new Map<ActiveServer, T>();
  const waiting = [...servers];
  const work = async () => {
    for (let server = waiting.shift(); server && !signal.aborted; server = waiting.shift()) {
      results.set(server, await look(server, signal));
      progress(`${results.size} of ${servers.length} servers`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return {
    results: servers.flatMap((server) => {
      const result = results.get(server);
      return result === undefined ? [] : [result];
    }),
    untried: servers.filter((server) => !results.has(server)).map(({ slug }) => slug),
  };
}
