import { InfrastructureError } from '../../platform/base/errors.ts';
import { createKeyedMutex } from '../../platform/concurrency/keyedMutex.ts';
import type { Delegation } from '../model/delegation.ts';
import { LIMIT_REACHED_MS, MAX_IN_FLIGHT, SENT_PER_COUNT } from '../model/limits.ts';
import type { BacklogEntry, BacklogStore } from '../model/stores.ts';
import type { Dispatcher, OrchestrationDeps } from './deps.ts';
import { sendMessage } from './message.ts';

/** What this instance knows of the deliveries of one tenant to one queue. */
interface Known {
  /** How many may be sent before the next count. */
  left: number;
  /** The limit counts as reached until then. */
  reachedUntil: number;
  /** New delegations that are stored, and neither sent nor in the backlog yet. */
  undecided: number;
  counting?: Promise<void>;
}

type Deps = Pick<OrchestrationDeps, 'delegations' | 'sender' | 'clock' | 'log'> & {
  readonly backlog: BacklogStore;
  /** The tenants of the settings. */
  readonly tenants: ReadonlySet<string>;
};
/** Names the backlog of a tenant at an agent. */
type Lane = Pick<BacklogEntry, 'tenantId' | 'agent'>;

const nameOf = ({ tenantId, agent }: Lane): string => `${tenantId} ${agent}`;

export function createDispatcher(deps: Deps): Dispatcher {
  const { delegations, backlog, clock, log, tenants } = deps;
  const known = new Map<string, Known>();
  const isShared = tenants.size > 1;
  // An instance does not race itself for the first entry of a backlog.
  const inTurn = createKeyedMutex();

  function knownOf(lane: Lane): Known {
    const name = nameOf(lane);
    const found = known.get(name) ?? { left: SENT_PER_COUNT, reachedUntil: 0, undecided: 0 };
    known.set(name, found);
    return found;
  }

  /** Returns how many more may be sent. The `waiting` delegations of the backlog do not count, nor the undecided ones. */
  async function roomBeside({ tenantId, agent }: Lane, waiting: number): Promise<number> {
    const unfinished = (await delegations.countUnfinished(tenantId)).get(agent) ?? 0;
    return MAX_IN_FLIGHT - (unfinished - waiting - knownOf({ tenantId, agent }).undecided);
  }

  async function count(lane: Lane, share: Known): Promise<void> {
    const [ahead] = await backlog.first(lane.tenantId, lane.agent, 1);
    const room = ahead ? 0 : await roomBeside(lane, 0);
    if (room > 0) share.left = Math.min(room, SENT_PER_COUNT);
    else share.reachedUntil = clock.now().getTime() + LIMIT_REACHED_MS;
  }

  /** Takes one from what may be sent. Returns false when the limit is reached. */
  async function takeRoom(lane: Lane): Promise<boolean> {
    const share = knownOf(lane);
    share.undecided += 1;
    try {
      while (share.left === 0) {
        if (clock.now().getTime() < share.reachedUntil) return false;
        // Concurrent calls share one count.
        await (share.counting ??= count(lane, share).finally(() => delete share.counting));
      }
      share.left -= 1;
      return true;
    } finally {
      share.undecided -= 1;
    }
  }

  /** Removes the oldest entry of a backlog and returns it. Each of several callers gets another. Undefined when it is empty. */
  const takeFirst = ({ tenantId, agent }: Lane): Promise<BacklogEntry | undefined> =>
    inTurn(nameOf({ tenantId, agent }), async () => {
      for (;;) {
        const [entry] = await backlog.first(tenantId, agent, 1);
        if (!entry || (await backlog.remove(entry))) return entry;
      }
    });

  /** Sends the oldest delegation of a backlog that has not ended. Returns false when the backlog is empty. */
  async function sendFirst(lane: Lane): Promise<boolean> {
    for (;;) {
      const entry = await takeFirst(lane);
      if (!entry) return false;
      const row = (await delegations.find(entry.tenantId, entry.id))?.value;
      if (!row || row.outcome) continue;
      await sendMessage(row, deps);
      return true;
    }
  }

  async function fill(lane: Lane, waiting: number): Promise<void> {
    for (let room = await roomBeside(lane, waiting); room > 0; room--) {
      if (!(await sendFirst(lane))) return;
    }
  }

  async function wait(delegation: Delegation): Promise<void> {
    await backlog.add(delegation);
    const [first] = await backlog.first(delegation.tenantId, delegation.agent, 1);
    // Delegations that end send the next of the backlog. All in flight may have ended before this one was added.
    if (first?.id === delegation.id) await fill(delegation, 1);
  }

  /** Logs an outage. The sweeper then sends what was not sent. */
  async function orLeaveToSweeper(lane: Lane, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof InfrastructureError)) throw error;
      log.error('delegation_dispatch_failed', { agent: lane.agent, tenantId: lane.tenantId }, error);
    }
  }

  return {
    async dispatch(delegation) {
      if (!isShared) return sendMessage(delegation, deps);
      return orLeaveToSweeper(delegation, async () => {
        if (await takeRoom(delegation)) await sendMessage(delegation, deps);
        else await wait(delegation);
      });
    },

    async dispatchNext(ended) {
      if (!isShared) return;
      await orLeaveToSweeper(ended, async () => {
        // A delegation that ended in the backlog was not in flight: its end makes no room.
        const wasWaiting = ended.attempts === 0 && (await backlog.remove(ended));
        if (!wasWaiting) await sendFirst(ended);
      });
    },

    async dispatchBacklog() {
      const entries = isShared ? await backlog.all() : [];
      const byLane = Map.groupBy(entries, nameOf);
      for (const lane of byLane.values()) {
        const [first] = lane;
        if (first) await fill(first, lane.length);
      }
      return new Set(entries.map(({ id }) => id));
    },
  };
}
