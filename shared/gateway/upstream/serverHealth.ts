import { LRUCache } from 'lru-cache';
import * as z from 'zod';
import type { Clock } from '../../platform/base/clock.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { parseStateValue, type StateStore } from '../../platform/state/stateStore.ts';
import type { ServerRecord } from '../../registry/records/server.ts';
import {
  HEALTH_KEPT_MS,
  HEALTH_NOTE_PAUSE_MS,
  HEALTH_REPEAT_MS,
  MAX_HEALTH_REASON,
  MAX_HEALTH_SERVERS,
} from '../protocol/limits.ts';

/** A server as it was registered. With another URL it is another server. */
export interface ServerKey {
  readonly slug: string;
  readonly url: string;
}

/** What a server is called in the memory of an instance. */
interface Names {
  readonly tenantId: string;
  /** The slug and the URL. A slug has no space. */
  readonly name: string;
  /** The same with the tenant that calls. */
  readonly tenantName: string;
}

/** The last names of a record. The catalogue caches records, so most calls make no text. */
const known = new WeakMap<ServerKey, Names>();

/** Returns the names of a server for a tenant that calls it. They are the same for every record with this slug and URL. */
export function namesOf(tenantId: string, server: ServerKey): Names {
  const last = known.get(server);
  if (last?.tenantId === tenantId) return last;
  const name = `${server.slug} ${server.url}`;
  const names = { tenantId, name, tenantName: `${tenantId} ${name}` };
  known.set(server, names);
  return names;
}

/** `degraded`: the last call failed. `failed`: several calls in a row failed, or a probe. */
const seenSchema = z.object({
  status: z.enum(['healthy', 'degraded', 'failed']),
  reason: z.string().optional(),
});
export type SeenHealth = z.infer<typeof seenSchema>;
const noteSchema = seenSchema.extend({ url: z.string(), checkedAt: z.iso.datetime() });

/** The outcome of the last contact with a server. `unknown`: there was none within a day, or the state store does not answer. */
export interface ServerHealth {
  readonly status: SeenHealth['status'] | 'unknown';
  /** The time of that contact. */
  readonly checkedAt: string;
  /** Why the server is not healthy. */
  readonly reason?: string | undefined;
}

/** Notes the outcome of a contact with a server: a call, a refresh or a probe. Never waits, and ignores an outage of the state. */
export type NoteHealth = (tenantId: string, server: ServerKey, seen: SeenHealth) => void;

interface Noted {
  status: SeenHealth['status'];
  at: number;
  /** The last change since then, which is stored when the pause is over. */
  next?: SeenHealth | undefined;
  timer?: NodeJS.Timeout | undefined;
}

const keyOf = (tenantId: string, slug: string): string => `mreg:mcp:server-health:${tenantId}:${slug}`;

/**
 * Stores the health of servers in the state, for all instances. An instance stores a change at once, but at most one change of
 * a server in a second; the last one is stored in every case. It stores an unchanged status once a minute.
 */
export function createHealthNotes({
  state,
  clock,
}: {
  readonly state: StateStore;
  readonly clock: Clock;
}): NoteHealth {
  const noted = new LRUCache<string, Noted>({ max: MAX_HEALTH_SERVERS });

  function store(tenantId: string, { slug, url }: ServerKey, entry: Noted, seen: SeenHealth): void {
    const { status, reason } = seen;
    const now = clock.now();
    Object.assign(entry, { status, at: now.getTime(), next: undefined });
    const note = { status, url, checkedAt: now.toISOString(), reason: reason?.slice(0, MAX_HEALTH_REASON) };
    state.set(keyOf(tenantId, slug), JSON.stringify(note), HEALTH_KEPT_MS).catch(() => undefined);
  }

  return (tenantId, server, seen) => {
    const { tenantName } = namesOf(tenantId, server);
    const entry = noted.get(tenantName);
    if (entry === undefined) {
      const first: Noted = { status: seen.status, at: 0 };
      noted.set(tenantName, first);
      store(tenantId, server, first, seen);
      return;
    }
    const ageMs = clock.now().getTime() - entry.at;
    const isChange = entry.status !== seen.status;
    entry.next = isChange ? seen : undefined;
    if (ageMs >= (isChange ? HEALTH_NOTE_PAUSE_MS : HEALTH_REPEAT_MS)) store(tenantId, server, entry, seen);
    else if (isChange)
      entry.timer ??= setTimeout(() => {
        entry.timer = undefined;
        if (entry.next) store(tenantId, server, entry, entry.next);
      }, HEALTH_NOTE_PAUSE_MS - ageMs).unref();
  };
}

/**
 * Returns the health of a server for a tenant: the newest of its discovery, of the tenant's own contacts, and of those of the
 * tenant that registered the server. Time alone never makes a server healthy: an old contact becomes `unknown`.
 */
export async function readServerHealth(
  tenantId: string,
  { tenantId: owner, slug, url, discovery }: Pick<ServerRecord, 'tenantId' | 'slug' | 'url' | 'discovery'>,
  { state, clock }: { readonly state: Pick<StateStore, 'get'>; readonly clock: Clock },
): Promise<ServerHealth | undefined> {
  if (!discovery) return undefined;
  const { discoveredAt } = discovery;
  const found: ServerHealth[] = [{ status: 'healthy', checkedAt: discoveredAt }];
  try {
    const texts = await Promise.all([...new Set([tenantId, owner])].map((id) => state.get(keyOf(id, slug))));
    for (const text of texts) {
      const note = parseStateValue(text, noteSchema);
      if (note?.url === url)
        found.push({ status: note.status, checkedAt: note.checkedAt, reason: note.reason });
    }
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    return { status: 'unknown', checkedAt: discoveredAt, reason: 'the state store does not answer' };
  }
  const newest = found.reduce((latest, one) => (one.checkedAt > latest.checkedAt ? one : latest));
  const ageMs = clock.now().getTime() - Date.parse(newest.checkedAt);
  if (ageMs < HEALTH_KEPT_MS) return newest;
  return { ...newest, status: 'unknown', reason: 'no call, refresh or probe within a day' };
}
