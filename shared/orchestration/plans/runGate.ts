import { type Result, fail } from '../../platform/base/result.ts';
import type { Caller } from '../model/caller.ts';
import { checkSession } from '../engine/checkSession.ts';
import type { OrchestrationDeps } from '../engine/deps.ts';
import { beginOnce } from '../engine/beginPlan.ts';
import { type PooledPlan, beginWithinPools } from '../engine/beginWithinPools.ts';
import type { Plan } from '../model/plan.ts';
import { unknownName } from '../model/unknownName.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';
import { type QualityGates, gateSteps, missingChecks } from './qualityGates.ts';

export interface GateDeps extends OrchestrationDeps {
  readonly gates: QualityGates;
}

export interface GateRequest {
  readonly gate: string;
  readonly sessionId?: string | undefined;
}

/**
 * Begins a run of a gate: a plan of its checks, which holds a share of the resource pools until it ends. Failures:
 * `not_found` for a gate that is not known, or with checks that nobody can carry out yet; `exhausted`.
 */
export function runGate(
  request: GateRequest,
  caller: Caller,
  catalogue: TaskCatalogue,
  deps: GateDeps,
): Promise<Result<Plan>> {
  return beginOnce(caller, deps, () => begin(request, caller, catalogue, deps));
}

async function begin(
  { gate, sessionId }: GateRequest,
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
  const plan: PooledPlan = {
    name: gate,
    gate,
    grantedBy: `quality gate ${gate}`,
    session: session.value,
    operation: 'quality_gate',
    estimatedLoad: { checkCount: checks.length },
    steps: () => gateSteps(checks),
  };
  return beginWithinPools(plan, caller, deps);
}
