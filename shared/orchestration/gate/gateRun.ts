import type { SessionStore } from '../../identity/sessionStore.ts';
import { type Result, fail, succeed } from '../../platform/result.ts';
import { traceparentOf } from '../../platform/trace.ts';
import { type Caller, idFor } from '../caller.ts';
import { checkSession } from '../checkSession.ts';
import type { OrchestrationDeps } from '../deps.ts';
import { beginPlan } from '../plan/beginPlan.ts';
import type { Plan } from '../plan/plan.ts';
import { unknownName } from '../nearest.ts';
import type { TaskCatalogue } from '../task/taskCatalogue.ts';
import { type QualityGates, gateSteps, missingChecks } from './qualityGates.ts';

/** How a run of a gate stands. One that was cancelled did not pass. */
export function gateStatus({ state }: Pick<Plan, 'state'>): 'running' | 'passed' | 'failed' {
  if (state === 'succeeded') return 'passed';
  return state === 'running' || state === 'compensating' ? 'running' : 'failed';
}

/** The critical check that did not pass, and ended the run. */
export const failedCheck = ({ steps }: Plan): string | undefined =>
  steps.find(({ state, severity }) => state === 'failed' && severity === 'critical')?.id;

/** A run that hangs gives back what it holds of the pools after this. */
const HOLD_MS = 30 * 60_000;

export interface GateDeps extends OrchestrationDeps {
  readonly sessions: Pick<SessionStore, 'find' | 'authContext'>;
  readonly gates: QualityGates;
}

/**
 * Begins a run of a gate: a plan of its checks, which holds a share of the resource pools until it ends. Failures:
 * `not_found` for a gate that is not known, or with checks that nobody can carry out yet; `exhausted`.
 */
export async function runGate(
  { gate, sessionId }: { readonly gate: string; readonly sessionId?: string | undefined },
  caller: Caller,
  catalogue: TaskCatalogue,
  { gates, ...deps }: GateDeps,
): Promise<Result<Plan>> {
  const checks = Object.hasOwn(gates, gate) ? gates[gate] : undefined;
  if (!checks) return fail(unknownName('quality gate', gate, Object.keys(gates)));
  const missing = missingChecks(checks, catalogue);
  if (missing.length > 0) {
    const message = `the quality gate "${gate}" cannot run yet: nobody can carry out ${missing.join(', ')}`;
    return fail({ kind: 'not_found', message });
  }
  const session = await checkSession(sessionId, caller, deps.sessions);
  if (!session.ok) return session;
  const { tenantId, userId } = caller.principal;
  const allocated = await deps.pools.allocate({
    tenantId,
    app: 'management',
    operation: 'quality_gate',
    estimatedLoad: { checkCount: checks.length },
    holdForMs: HOLD_MS,
  });
  if (!allocated.ok) return allocated;
  const start = {
    id: idFor(caller, `gate ${gate}`, deps.newId),
    tenantId,
    name: gate,
    gate,
    requestedBy: userId,
    ...(session.value && { sessionId: session.value.id }),
    allocationId: allocated.value.id,
    traceparent: traceparentOf(caller.trace),
  };
  return succeed(await beginPlan(start, gateSteps(checks), deps));
}
