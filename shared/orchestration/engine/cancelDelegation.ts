import { type Result, fail, succeed } from '../../platform/base/result.ts';
import { announce } from './announce.ts';
import { type Delegation, finish } from '../model/delegation.ts';
import type { OrchestrationDeps } from './deps.ts';
import type { Outcome } from '../model/outcome.ts';

/**
 * Ends a delegation that has not ended: it does not start any more, and what an agent that is at it comes to does not
 * count. One that has ended stays as it is. Failure: `not_found`.
 */
export async function cancelDelegation(
  tenantId: string,
  id: string,
  deps: OrchestrationDeps,
): Promise<Result<Delegation>> {
  for (;;) {
    const stored = await deps.delegations.find(tenantId, id);
    if (!stored) return fail({ kind: 'not_found', message: `there is no delegation "${id}"` });
    if (stored.value.outcome) return succeed(stored.value);
    const outcome: Outcome = { success: false, error: { kind: 'cancelled', message: 'it was cancelled' } };
    const cancelled = finish(stored.value, outcome, deps.clock.now());
    if ((await deps.delegations.replace(cancelled, stored.etag)).status !== 'replaced') continue;
    deps.log.info('delegation_cancelled', { delegationId: id });
    await announce(cancelled, deps);
    return succeed(cancelled);
  }
}
