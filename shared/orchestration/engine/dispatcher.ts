import { InfrastructureError } from '../../platform/base/errors.ts';
import { inBatches } from '../../platform/concurrency/inBatches.ts';
import { MAX_CHANGES } from '../../platform/tables/tables.ts';
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

  /** Sends the oldest delegations of a backlog that have not ended, at most so many. */
  async function sendFirst({ tenantId, agent }: Lane, most: number): Promise<void> {
    for (let left = most; left > 0;) {
      const entries = await backlog.take(tenantId, agent, left);
      if (entries.length === 0) return;
      const rows = await Promise.all(entries.map(({ id }) => delegations.find(tenantId, id)));
      const open = rows.flatMap((row) => (row && !row.value.outcome ? [row.value] : []));
      await Promise.all(open.map((row) => sendMessage(row, deps)));
      left -= open.length;
    }
  }

  const fill = async (lane: Lane, waiting: number): Promise<void> =>
    sendFirst(lane, await roomBeside(lane, waiting));

  const wait = inBatches(
    nameOf,
    async (added: readonly Delegation[]) => {
      await backlog.add(added);
      const [lane] = added;
      const [first] = lane ? await backlog.first(lane.tenantId, lane.agent, 1) : [];
      // Delegations that end send the next of the backlog. All in flight may have ended before these were added.
      if (lane && added.some(({ id }) => id === first?.id)) await fill(lane, added.length);
    },
    MAX_CHANGES,
  );

  /** Sends one delegation of the backlog for each of these, which have ended. */
  const replaceEnded = inBatches(nameOf, async (ended: readonly Lane[]) => {
    const [lane] = ended;
    if (lane) await sendFirst(lane, ended.length);
  });

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
        if (!wasWaiting) await replaceEnded(ended);
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
