import { stagesOf } from '../../shared/platform/telemetry/serverTiming.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { HttpDeps } from '../http/serve.ts';

/** Notices answers that took long; many of them are a `performance_degradation`, for the operator's tenant. */
export function slownessRecorder({
  config,
  operatorTenant,
  watch,
}: Pick<AppDeps, 'config' | 'operatorTenant' | 'watch'>): NonNullable<HttpDeps['recordSlow']> {
  return (route, durationMs, trace, stages) => {
    watch({
      type: 'performance_degradation',
      tenantId: operatorTenant,
      subject: route,
      detail: { app: config.app, durationMs, stages: Object.fromEntries(stagesOf(stages)) },
      trace,
    });
  };
}
