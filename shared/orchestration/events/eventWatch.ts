import { LRUCache } from 'lru-cache';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { type Trace, traceparentOf } from '../../platform/telemetry/trace.ts';
import type { OrchestrationDeps } from '../engine/deps.ts';
import { publishEvent } from '../engine/publishEvent.ts';
import type { EventRoutes, standardRoutes } from '../model/eventRoutes.ts';
import { MAX_SUBJECTS } from '../model/limits.ts';

/** An incident that the gateway observed. One alone may mean nothing. */
export interface Incident {
  readonly type: keyof typeof thresholds;
  readonly tenantId: string;
  /** What it is about, from a closed or bounded set. Incidents of one subject count together. */
  readonly subject: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly trace: Trace;
}

/**
 * Counts incidents and publishes an event when they reach a threshold. It never waits or fails: it logs an event that it cannot
 * publish.
 */
export type EventWatch = (incident: Incident) => void;

/** The number of incidents of one subject within a window that make an event. It is published once in a window. */
const thresholds = {
  authentication_failure: { count: 10, windowMs: 60_000 },
  performance_degradation: { count: 10, windowMs: 60_000 },
  protocol_violation: { count: 1, windowMs: 600_000 },
} as const satisfies Partial<Record<keyof typeof standardRoutes, object>>;

export function createEventWatch(
  state: StateStore,
  routes: EventRoutes,
  deps: OrchestrationDeps,
): EventWatch {
  const windows = new LRUCache<string, { readonly endsAt: number; count: number }>({ max: MAX_SUBJECTS });

  /** Publishes the event, unless another instance has. Each instance counts on its own. */
  async function publish(incident: Incident, key: string, count: number, windowMs: number): Promise<void> {
    const { type, tenantId, subject, detail, trace } = incident;
    try {
      if ((await state.increment(`mreg:event:${key}`, 1, windowMs)).count > 1) return;
      const event = { id: deps.newId(), tenantId, type, raisedBy: 'mcp-orchestrator' };
      const known = { subject, count, withinSeconds: windowMs / 1000, ...detail };
      await publishEvent({ ...event, detail: known, traceparent: traceparentOf(trace) }, routes, deps);
    } catch (error) {
      deps.log.error('event_publish_failed', { type, subject }, error);
    }
  }

  return (incident) => {
    const { count, windowMs } = thresholds[incident.type];
    const key = JSON.stringify([incident.type, incident.tenantId, incident.subject]);
    const now = deps.clock.now().getTime();
    let window = windows.get(key);
    if (!window || window.endsAt <= now) {
      window = { endsAt: now + windowMs, count: 0 };
      windows.set(key, window);
    }
    window.count += 1;
    if (window.count === count) void publish(incident, key, count, windowMs);
  };
}
