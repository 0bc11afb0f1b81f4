import type { StateStore } from '../../platform/state/stateStore.ts';
import { type Trace, traceparentOf } from '../../platform/telemetry/trace.ts';
import type { OrchestrationDeps } from '../engine/deps.ts';
import type { EventRoutes, standardRoutes } from '../model/eventRoutes.ts';
import { raiseEvent } from '../engine/publishEvent.ts';

/** One thing that was noticed, which may be nothing by itself. */
export interface Sign {
  readonly type: keyof typeof thresholds;
  readonly tenantId: string;
  /** What it is about, from a closed or bounded set: signs of one subject count together. */
  readonly subject: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly trace: Trace;
}

/** Raises events of what the system notices of itself. Never waits and never fails: an event that cannot be raised is logged. */
export type EventWatch = (sign: Sign) => void;

/** How many signs of one subject within how long are an event. It is not raised again before that time is over. */
const thresholds = {
  authentication_failure: { count: 10, windowMs: 60_000 },
  performance_degradation: { count: 10, windowMs: 60_000 },
  protocol_violation: { count: 1, windowMs: 600_000 },
} as const satisfies Partial<Record<keyof typeof standardRoutes, object>>;

/** Subjects that are counted at once; the oldest makes room. */
const MAX_SUBJECTS = 1_000;

export function createEventWatch(
  state: StateStore,
  routes: EventRoutes,
  deps: OrchestrationDeps,
): EventWatch {
  const windows = new Map<string, { readonly endsAt: number; count: number }>();

  /** Instances count for themselves, and raise it once together. */
  async function raise(sign: Sign, key: string, count: number, windowMs: number): Promise<void> {
    const { type, tenantId, subject, detail, trace } = sign;
    try {
      if ((await state.increment(`mreg:event:${key}`, 1, windowMs)).count > 1) return;
      const event = { id: deps.newId(), tenantId, type, raisedBy: 'mcp-orchestrator' };
      const known = { subject, count, withinSeconds: windowMs / 1000, ...detail };
      await raiseEvent({ ...event, detail: known, traceparent: traceparentOf(trace) }, routes, deps);
    } catch (error) {
      deps.log.error('event_unraised', { type, subject }, error);
    }
  }

  return (sign) => {
    const { count, windowMs } = thresholds[sign.type];
    const key = JSON.stringify([sign.type, sign.tenantId, sign.subject]);
    const now = deps.clock.now().getTime();
    let window = windows.get(key);
    if (!window || window.endsAt <= now) {
      window = { endsAt: now + windowMs, count: 0 };
      windows.delete(key);
      windows.set(key, window);
      const [oldest] = windows.keys();
      if (windows.size > MAX_SUBJECTS && oldest !== undefined) windows.delete(oldest);
    }
    window.count += 1;
    if (window.count === count) void raise(sign, key, count, windowMs);
  };
}
