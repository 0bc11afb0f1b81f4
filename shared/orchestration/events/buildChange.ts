import * as z from 'zod';
import { derivedId } from '../../platform/base/ids.ts';
import type { App } from '../../platform/config/config.ts';
import { parseStateValue } from '../../platform/state/stateStore.ts';
import { continueTrace, traceparentOf } from '../../platform/telemetry/trace.ts';
import type { OrchestrationDeps } from '../engine/deps.ts';
import { publishEvent } from '../engine/publishEvent.ts';
import { LAST_STATUS_KEPT_MS } from '../model/limits.ts';

/** The build of an app that has started. */
export interface StartedBuild {
  readonly app: App;
  readonly version: string;
  readonly build: string;
}

const seenSchema = z.object({ version: z.string(), build: z.string(), since: z.iso.datetime() });

/**
 * Publishes `deployment_status` when an app starts with another build than before, once for all its instances. The first build
 * publishes nothing.
 */
export async function publishBuildChange(
  { app, version, build }: StartedBuild,
  tenantId: string,
  deps: OrchestrationDeps,
): Promise<void> {
  const key = `mreg:build:${app}`;
  const stored = await deps.shortLived.get(key);
  const before = parseStateValue(stored, seenSchema);
  if (before?.build === build) return;
  if (before) {
    const detail = {
      app,
      build,
      version,
      before: before.build,
      beforeVersion: before.version,
      beforeSince: before.since,
    };
    // The id follows from the change, so that instances which start together publish one event.
    const id = derivedId(detail);
    const traceparent = traceparentOf(continueTrace(undefined));
    const event = { id, tenantId, type: 'deployment_status', detail, traceparent };
    await publishEvent({ ...event, raisedBy: 'mcp-orchestrator' }, deps.eventRoutes, deps);
  }
  const seen = { version, build, since: deps.clock.now().toISOString() };
  await deps.shortLived.compareAndSet(key, stored, JSON.stringify(seen), LAST_STATUS_KEPT_MS);
}
