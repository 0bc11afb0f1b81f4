import type { Delegation } from '../../shared/orchestration/model/delegation.ts';
import type { Plan } from '../../shared/orchestration/model/plan.ts';
import { compensationId, delegationIdOf } from '../../shared/orchestration/model/planProgress.ts';
import type { DelegationStore } from '../../shared/orchestration/model/stores.ts';

/** The delegations of a plan's steps, by the ids of the steps and of their compensations: they hold the results. */
export async function delegationsOf(
  plan: Plan,
  delegations: Pick<DelegationStore, 'find'>,
): Promise<ReadonlyMap<string, Delegation>> {
  const ids = plan.steps.flatMap(({ id, state, compensation }) => {
    if (state === 'waiting' || state === 'skipped') return [];
    return compensation && compensation.state !== 'waiting' ? [id, compensationId(id)] : [id];
  });
  const found = await Promise.all(ids.map((id) => delegations.find(plan.tenantId, delegationIdOf(plan, id))));
  return new Map(
    found.flatMap((stored, index): [string, Delegation][] =>
      stored ? [[ids[index] ?? '', stored.value]] : [],
    ),
  );
}
