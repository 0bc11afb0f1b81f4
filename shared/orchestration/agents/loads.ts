import type { Clock } from '../../platform/base/clock.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { type Agent, agentNames } from '../model/agents.ts';
import { LOADS_CACHED_MS } from '../model/limits.ts';
import type { DelegationStore } from '../model/stores.ts';
import { readWorkloads, type Workload } from './activity.ts';

export interface AgentLoad extends Workload {
  /** Delegations of all tenants that wait for the agent. */
  readonly queued: number;
}

/** Returns the load of each agent, at most a second old. */
export type AgentLoads = () => Promise<ReadonlyMap<Agent, AgentLoad>>;

export function createAgentLoads(deps: {
  readonly delegations: Pick<DelegationStore, 'countUnfinished'>;
  readonly state: StateStore;
  readonly clock: Clock;
}): AgentLoads {
  let last: { readonly at: number; readonly loads: ReturnType<AgentLoads> } | undefined;
  return () => {
    const now = deps.clock.now().getTime();
    if (last === undefined || now - last.at >= LOADS_CACHED_MS) {
      const loads = read(deps);
      last = { at: now, loads };
      // The next call reads again.
      loads.catch(() => (last = undefined));
    }
    return last.loads;
  };
}

async function read({ delegations, state, clock }: Parameters<typeof createAgentLoads>[0]) {
  const [unfinished, workloads] = await Promise.all([
    delegations.countUnfinished(),
    readWorkloads(state, clock),
  ]);
  return new Map(
    agentNames.map((agent): [Agent, AgentLoad] => {
      const workload = workloads.get(agent) ?? { running: 0, perMinute: 0, failureRate: 0 };
      return [agent, { ...workload, queued: Math.max(0, (unfinished.get(agent) ?? 0) - workload.running) }];
    }),
  );
}
