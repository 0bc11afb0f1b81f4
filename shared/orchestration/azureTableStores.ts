import { odata } from '@azure/data-tables';
import type { OpenTable, RowKey } from '../platform/tables.ts';
import { type Delegation, delegationSchema } from './delegation/delegation.ts';
import { type Plan, planSchema } from './plan/plan.ts';
import type { DelegationStore, PlanStore } from './stores.ts';

/** Sixteen partitions a tenant, by the first digit of the random id: one partition takes 2,000 operations a second. */
const keyOf = (tenantId: string, id: string): RowKey => ({
  partition: `${tenantId}_${id.slice(0, 1)}`,
  row: id,
});

export function azureTableDelegationStore(open: OpenTable): DelegationStore {
  const table = open<Delegation>('delegations', {
    key: ({ tenantId, id }) => keyOf(tenantId, id),
    columns: ({ agent, state, planId, outcome, sentAt }) => ({
      agent,
      state,
      planId: planId ?? '',
      unfinished: outcome === undefined,
      sentAt: new Date(sentAt),
    }),
    parse: (document) => delegationSchema.parse(document),
  });
  return {
    find: (tenantId, id) => table.get(keyOf(tenantId, id)),
    add: (delegation) => table.insert(delegation),
    replace: (delegation, etag) => table.replace(delegation, etag),
    list: (tenantId, { agent, state, planId }, limit, after) => {
      const terms = [
        agent !== undefined && odata`agent eq ${agent}`,
        state !== undefined && odata`state eq ${state}`,
        planId !== undefined && odata`planId eq ${planId}`,
      ];
      const filter = terms.filter((term) => term !== false).join(' and ');
      return table.search(
        `${tenantId}_`,
        filter,
        limit,
        after === undefined ? undefined : keyOf(tenantId, after),
      );
    },
    unfinishedSentBefore: (time, onUnreadable) =>
      table.scan(odata`unfinished eq true and sentAt lt ${time}`, onUnreadable),
  };
}

export function azureTablePlanStore(open: OpenTable): PlanStore {
  const table = open<Plan>('plans', {
    key: ({ tenantId, id }) => keyOf(tenantId, id),
    columns: ({ state, updatedAt }) => ({ running: state === 'running', updatedAt: new Date(updatedAt) }),
    parse: (document) => planSchema.parse(document),
  });
  return {
    find: (tenantId, id) => table.get(keyOf(tenantId, id)),
    add: (plan) => table.insert(plan),
    replace: (plan, etag) => table.replace(plan, etag),
    runningUnchangedSince: (time, onUnreadable) =>
      table.scan(odata`running eq true and updatedAt lt ${time}`, onUnreadable),
  };
}
