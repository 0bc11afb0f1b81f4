import type { TaskHelpers } from '../orchestration/tasks/task.ts';
import type { App } from '../platform/config/config.ts';
import type { SpecialistDeps } from './deps.ts';
import { type EndpointsLook, lookAtEndpoints } from './checkEndpoints.ts';
import { lookAtStores } from './checkStores.ts';
import { tokenOf } from './tokenOf.ts';

/** An app by itself: how it answers, and whether what it stands on answers it. To be asked in that app. */
export async function lookAtApp(
  app: App,
  deps: SpecialistDeps,
  helpers: TaskHelpers,
): Promise<EndpointsLook> {
  const { signal, traceId } = helpers;
  const token = await tokenOf(helpers);
  const [stores, endpoints] = await Promise.all([
    lookAtStores(deps, signal),
    lookAtEndpoints(app, deps, { signal, traceId, token }),
  ]);
  return {
    facts: { endpoints: endpoints.facts, stores: stores.facts },
    findings: [...stores.findings, ...endpoints.findings],
  };
}
