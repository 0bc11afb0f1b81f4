import type { Clock } from '../../platform/base/clock.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { DelegationStore } from '../model/stores.ts';
import { readWorkloads, type Workload } from './activity.ts';
import { type Agent, agentNames } from '../model/agents.ts';

export interface AgentLoad extends Workload {
  /** Delegations of all tenants that wait for the agent. */
  readonly queued: number;
}

/** What each agent has to do, as of a second ago at most. */
export type AgentLoads = () => Promise<ReadonlyMap<Agent, AgentLoad>>;

const FRESH_MS = 1_000;

export function createAgentLoads(deps: {
  readonly delegations: Pick<DelegationStore, 'countUnfinished'>;
  readonly state: StateStore;
  readonly clock: Clock;
}): AgentLoads {
  let last: { readonly at: number; readonly loads: ReturnType<AgentLoads> } | undefined;
  return () => {
    const now = deps.clock.now().getTime();
    if (last === undefined || now - last.at >= FRESH_MS) {
      const loads = read(deps);
      last = { at: now, loads };
      // The next caller asks again.
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
