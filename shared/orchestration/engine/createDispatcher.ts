import { InfrastructureError } from '../../platform/base/errors.ts';
import { createTurns } from '../../platform/concurrency/keyedMutex.ts';
import type { OrchestrationDeps } from './deps.ts';
import type { Delegation } from '../model/delegation.ts';
import type { QueueShares } from './dispatcher.ts';
import { sendMessage } from './sendMessage.ts';
import type { Place, WaitingLines } from '../model/backlog.ts';

/** Delegations of one tenant at one agent's queue: enough to keep eight instances of an agent busy, 16 at a time each. */
export const QUEUE_SHARE = 128;
/** Delegations that an instance sends for a tenant and an agent before it counts the unfinished ones again. */
const SENT_PER_COUNT = 32;
/** How long an instance takes a share as used up without counting again. */
const USED_UP_FOR_MS = 1_000;

/** What this instance knows of the share of one tenant at one queue. */
interface Known {
  /** How many may be sent before the next count. */
  left: number;
  usedUpUntil: number;
  /** New delegations that are stored and neither sent nor in the line yet. */
  undecided: number;
  counting?: Promise<void>;
}

type Deps = Pick<OrchestrationDeps, 'delegations' | 'sender' | 'clock' | 'log'> & {
  readonly lines: WaitingLines;
  /** Those of the settings. */
  readonly tenants: ReadonlySet<string>;
};
type Line = Pick<Place, 'tenantId' | 'agent'>;

const nameOf = ({ tenantId, agent }: Line): string => `${tenantId} ${agent}`;

export function createQueueShares(deps: Deps): QueueShares {
  const { delegations, lines, clock, log, tenants } = deps;
  const known = new Map<string, Known>();
  const isShared = tenants.size > 1;
  // An instance does not race itself for the first place of a line.
  const inTurn = createTurns();

  function knownOf(line: Line): Known {
    const name = nameOf(line);
    const found = known.get(name) ?? { left: SENT_PER_COUNT, usedUpUntil: 0, undecided: 0 };
    known.set(name, found);
    return found;
  }

  /** Returns how many more may be sent. The `waiting` delegations of the line do not count, nor the undecided ones. */
  async function roomBeside({ tenantId, agent }: Line, waiting: number): Promise<number> {
    const unfinished = (await delegations.countUnfinished(tenantId)).get(agent) ?? 0;
    return QUEUE_SHARE - (unfinished - waiting - knownOf({ tenantId, agent }).undecided);
  }

  async function count(line: Line, share: Known): Promise<void> {
    const [ahead] = await lines.first(line.tenantId, line.agent, 1);
    const room = ahead ? 0 : await roomBeside(line, 0);
    if (room > 0) share.left = Math.min(room, SENT_PER_COUNT);
    else share.usedUpUntil = clock.now().getTime() + USED_UP_FOR_MS;
  }

  /** Takes one from what may be sent. False when the share is used up. */
  async function takeRoom(line: Line): Promise<boolean> {
    const share = knownOf(line);
    share.undecided += 1;
    try {
      while (share.left === 0) {
        if (clock.now().getTime() < share.usedUpUntil) return false;
        // Calls that come meanwhile share the count.
        await (share.counting ??= count(line, share).finally(() => delete share.counting));
      }
      share.left -= 1;
      return true;
    } finally {
      share.undecided -= 1;
    }
  }

  /** Takes the first place of a line out of it. Of several callers each gets another. Undefined when the line is empty. */
  const takeFirst = ({ tenantId, agent }: Line): Promise<Place | undefined> =>
    inTurn(nameOf({ tenantId, agent }), async () => {
      for (;;) {
        const [place] = await lines.first(tenantId, agent, 1);
        if (!place || (await lines.leave(place))) return place;
      }
    });

  /** Sends the first of a line that has not ended. False when the line is empty. */
  async function sendFirst(line: Line): Promise<boolean> {
    for (;;) {
      const place = await takeFirst(line);
      if (!place) return false;
      const row = (await delegations.find(place.tenantId, place.id))?.value;
      if (!row || row.outcome) continue;
      await sendMessage(row, deps);
      return true;
    }
  }

  async function fill(line: Line, waiting: number): Promise<void> {
    for (let room = await roomBeside(line, waiting); room > 0; room--) {
      if (!(await sendFirst(line))) return;
    }
  }

  async function wait(delegation: Delegation): Promise<void> {
    await lines.join(delegation);
    const [first] = await lines.first(delegation.tenantId, delegation.agent, 1);
    // The end of a delegation at the queue sends the next of the line. They may all have ended before this one joined it.
    if (first?.id === delegation.id) await fill(delegation, 1);
  }

  /** Logs an outage. The sweeper then sends what was not sent. */
  async function orLeaveToSweeper(line: Line, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof InfrastructureError)) throw error;
      log.error('delegation_turn_failed', { agent: line.agent, tenantId: line.tenantId }, error);
    }
  }

  return {
    async send(delegation) {
      if (!isShared) return sendMessage(delegation, deps);
      return orLeaveToSweeper(delegation, async () => {
        if (await takeRoom(delegation)) await sendMessage(delegation, deps);
        else await wait(delegation);
      });
    },

    async passOn(ended) {
      if (!isShared) return;
      await orLeaveToSweeper(ended, async () => {
        // A delegation that ended in the line was not at the queue: its end makes no room there.
        const hadWaited = ended.attempts === 0 && (await lines.leave(ended));
        if (!hadWaited) await sendFirst(ended);
      });
    },

    async refill() {
      const places = isShared ? await lines.all() : [];
      const byLine = Map.groupBy(places, nameOf);
      for (const line of byLine.values()) {
        const [first] = line;
        if (first) await fill(first, line.length);
      }
      return new Set(places.map(({ id }) => id));
    },
  };
}
