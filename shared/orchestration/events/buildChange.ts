import { z } from 'zod';
import type { App } from '../../platform/config/config.ts';
import { derivedId } from '../../platform/base/ids.ts';
import { parseStateValue } from '../../platform/state/stateValue.ts';
import { continueTrace, traceparentOf } from '../../platform/telemetry/trace.ts';
import type { OrchestrationDeps } from '../engine/deps.ts';
import { raiseEvent } from '../engine/publishEvent.ts';

/** An app that has started. */
export interface StartedBuild {
  readonly app: App;
  readonly version: string;
  readonly build: string;
}

const REMEMBER_MS = 30 * 24 * 3_600_000;
const seenSchema = z.object({ version: z.string(), build: z.string(), since: z.iso.datetime() });

/**
 * Raises `deployment_status` when an app starts with another build than the one that was seen last; once, of however many
 * instances. Nothing for the first build that is seen.
 */
export async function raiseBuildChange(
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
    // Of one change, whoever sees it: instances that start at once raise the same event.
    const id = derivedId(detail);
    const traceparent = traceparentOf(continueTrace(undefined));
    const event = { id, tenantId, type: 'deployment_status', detail, traceparent };
    await raiseEvent({ ...event, raisedBy: 'mcp-orchestrator' }, deps.eventRoutes, deps);
  }
  const seen = { version, build, since: deps.clock.now().toISOString() };
  await deps.shortLived.compareAndSet(key, stored, JSON.stringify(seen), REMEMBER_MS);
}
