import { LRUCache } from 'lru-cache';
import * as z from 'zod';
import type { Awaitable } from '../../platform/base/awaitable.ts';
import type { Clock } from '../../platform/base/clock.ts';
import { parseStateValue, type StateStore } from '../../platform/state/stateStore.ts';
import {
  CIRCUIT_FAILURES,
  CIRCUIT_FRESH_MS,
  CIRCUIT_OPEN_MS,
  MAX_CIRCUIT_TENANTS,
} from '../protocol/limits.ts';
import { namesOf, type NoteHealth, type ServerKey } from './serverHealth.ts';

/** When each open circuit becomes half-open, in milliseconds since 1970, by slug and URL. */
const openCircuitsSchema = z.record(z.string(), z.number());
type OpenCircuits = Readonly<Record<string, number>>;

/**
 * A circuit breaker for each server of a tenant. Closed: calls pass. Five failures in a row open it, for all instances: calls
 * fail at once. After 15 seconds it is half-open: calls pass, the first failure opens it again and the first success closes it.
 */
export interface CircuitBreaker {
  /** Milliseconds until an open circuit becomes half-open; `undefined` while calls pass, as far as this instance knows. */
  openForMs(tenantId: string, server: ServerKey): number | undefined;
  /** Counts a failure, and notes it as the health of the server. `why` completes "The server …". */
  fail(tenantId: string, server: ServerKey, why: string): void;
  /** Closes the circuit, and notes that the server is healthy. */
  succeed(tenantId: string, server: ServerKey): void;
  /** The slugs of all servers whose circuit is open, as of a few seconds ago at most. */
  openServers(tenantId: string): Promise<readonly string[]>;
}

const HEALTHY = { status: 'healthy' } as const;

export function createCircuitBreaker({
  state,
  clock,
  noteHealth,
}: {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly noteHealth: NoteHealth;
}): CircuitBreaker {
  const tenants = new LRUCache<string, { at: number; circuits: OpenCircuits; reading?: Promise<void> }>({
    max: MAX_CIRCUIT_TENANTS,
  });
  const failures = new Map<string, number>();
  const stateKey = (tenantId: string) => `mreg:mcp:circuits:${tenantId}`;
  const now = () => clock.now().getTime();

  function entryOf(tenantId: string) {
    let entry = tenants.get(tenantId);
    if (entry === undefined) tenants.set(tenantId, (entry = { at: 0, circuits: {} }));
    return entry;
  }

  /** Reads the state again where the entry is old. During an outage of the state each instance knows its own circuits. */
  function refresh(tenantId: string, entry: ReturnType<typeof entryOf>): Awaitable<void> {
    if (now() - entry.at < CIRCUIT_FRESH_MS) return entry.reading;
    entry.at = now();
    entry.reading = state.get(stateKey(tenantId)).then(
      (text) => {
        entry.circuits = { ...parseStateValue(text, openCircuitsSchema), ...stillOpen(entry.circuits) };
      },
      () => undefined,
    );
    return entry.reading;
  }

  const stillOpen = (circuits: OpenCircuits): OpenCircuits =>
    Object.fromEntries(Object.entries(circuits).filter(([, until]) => until > now()));

  async function share(tenantId: string, name: string, until: number): Promise<void> {
    for (;;) {
      const text = await state.get(stateKey(tenantId));
      const circuits = { ...stillOpen(parseStateValue(text, openCircuitsSchema) ?? {}), [name]: until };
      const value = JSON.stringify(circuits);
      if ((await state.compareAndSet(stateKey(tenantId), text, value, CIRCUIT_OPEN_MS)) === 'stored') return;
    }
  }

  return {
    openForMs(tenantId, server) {
      const entry = entryOf(tenantId);
      void refresh(tenantId, entry);
      const until = entry.circuits[namesOf(tenantId, server).name];
      const leftMs = until === undefined ? 0 : until - now();
      return leftMs > 0 ? leftMs : undefined;
    },
    fail(tenantId, server, why) {
      const { name, tenantName } = namesOf(tenantId, server);
      const count = (failures.get(tenantName) ?? 0) + 1;
      failures.set(tenantName, count);
      if (count < CIRCUIT_FAILURES) {
        noteHealth(tenantId, server, {
          status: 'degraded',
          reason: `The last call failed: the server ${why}.`,
        });
        return;
      }
      const reason = `${count} calls in a row failed: the server ${why}.`;
      noteHealth(tenantId, server, { status: 'failed', reason });
      const until = now() + CIRCUIT_OPEN_MS;
      const entry = entryOf(tenantId);
      entry.circuits = { ...entry.circuits, [name]: until };
      share(tenantId, name, until).catch(() => undefined);
    },
    succeed(tenantId, server) {
      if (failures.size > 0) failures.delete(namesOf(tenantId, server).tenantName);
      noteHealth(tenantId, server, HEALTHY);
    },
    async openServers(tenantId) {
      const entry = entryOf(tenantId);
      await refresh(tenantId, entry);
      const names = Object.keys(stillOpen(entry.circuits));
      return [...new Set(names.map((name) => name.slice(0, name.indexOf(' '))))].sort();
    },
  };
}
