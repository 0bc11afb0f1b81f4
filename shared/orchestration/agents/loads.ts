import type { Clock } from '../../platform/base/clock.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { type Agent, agentNames } from '../model/agents.ts';
import { LOADS_CACHED_MS } from '../model/limits.ts';
import type { DelegationStore } from '../model/stores.ts';
import { readWorkloads, type Workload } from './activity.ts';

export interface AgentLoad extends Workload {
  /** Delegations that wait for the agent. */
  readonly queued: number;
}

/** Returns the load of each agent, of one tenant or of all, at most a second old. */
export type AgentLoads = (tenantId?: string) => Promise<ReadonlyMap<Agent, AgentLoad>>;

export function createAgentLoads(deps: {
  readonly delegations: Pick<DelegationStore, 'countUnfinished'>;
  readonly state: StateStore;
  readonly clock: Clock;
}): AgentLoads {
  /** One entry for all tenants, and one for each tenant of the settings that asked. */
  const read = new Map<string | undefined, { readonly at: number; readonly loads: ReturnType<AgentLoads> }>();
  return (tenantId) => {
    const now = deps.clock.now().getTime();
    const last = read.get(tenantId);
    if (last !== undefined && now - last.at < LOADS_CACHED_MS) return last.loads;
    const loads = readLoads(tenantId, deps);
    read.set(tenantId, { at: now, loads });
    // The next call reads again.
    loads.catch(() => read.delete(tenantId));
    return loads;
  };
}

async function readLoads(
  tenantId: string | undefined,
  { delegations, state, clock }: Parameters<typeof createAgentLoads>[0],
) {
  const [unfinished, workloads] = await Promise.all([
    delegations.countUnfinished(tenantId),
    readWorkloads(state, clock, tenantId),
  ]);
  return new Map(
    agentNames.map((agent): [Agent, AgentLoad] => {
      const workload = workloads.get(agent) ?? { running: 0, perMinute: 0, failureRate: 0 };
      return [agent, { ...workload, queued: Math.max(0, (unfinished.get(agent) ?? 0) - workload.running) }];
    }),
  );
}
