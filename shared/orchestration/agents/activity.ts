import { z } from 'zod';
import { CLOCK_TOLERANCE_MS, type Clock } from '../../platform/base/clock.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { parseStateValue } from '../../platform/state/stateValue.ts';
import { type Agent, agentNames } from '../model/agents.ts';

/**
 * What the agents of this instance are doing, told to all instances every few seconds while they do it: a figure for
 * people and for the choice of an agent, not a ledger. No delegation waits for it.
 */
export interface AgentActivity {
  /** Counts a task that begins. What it returns is called when the task has ended. */
  begin(agent: Agent): (failed: boolean) => void;
}

const TELL_EVERY_MS = 2_000;
const SECONDS = 60;
/** How long a report of an instance counts. The time of the report is of the instance's own clock. */
const CURRENT_MS = 15_000 + CLOCK_TOLERANCE_MS;
const FORGET_AFTER_MS = 24 * 3_600_000;

const reportSchema = z.object({
  running: z.number(),
  /** Of the minute before `at`. */
  ended: z.number(),
  failed: z.number(),
  at: z.number(),
});
type Report = z.infer<typeof reportSchema>;
const reportsSchema = z.record(z.string(), reportSchema);

const keyOf = (agent: Agent): string => `mreg:agent:${agent}`;

interface Deps {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Unlike that of any other instance. */
  readonly instanceId: string;
}

export function createAgentActivity({ state, clock, log, instanceId }: Deps): AgentActivity {
  const tallies = new Map<Agent, Tally>();

  async function tell(agent: Agent, tally: Tally): Promise<void> {
    tally.timer = undefined;
    const now = clock.now().getTime();
    const report = tally.report(now);
    try {
      await merge(state, agent, instanceId, report);
    } catch (error) {
      log.warn('agent_load_untold', { agent, reason: error instanceof Error ? error.message : 'unknown' });
    }
    // Once more after the last task, so that it does not seem to run on.
    if (report.running > 0 || tally.running > 0) tellSoon(agent, tally);
  }
  function tellSoon(agent: Agent, tally: Tally): void {
    tally.timer ??= setTimeout(() => void tell(agent, tally), TELL_EVERY_MS).unref();
  }

  return {
    begin(agent) {
      const tally = tallies.get(agent) ?? new Tally();
      tallies.set(agent, tally);
      tally.running += 1;
      tellSoon(agent, tally);
      return (failed) => {
        tally.running -= 1;
        tally.count(clock.now().getTime(), failed);
        tellSoon(agent, tally);
      };
    },
  };
}

/** One agent's tasks in this instance: those that run, and the last minute's by the second. */
class Tally {
  running = 0;
  timer: NodeJS.Timeout | undefined;
  readonly #seconds = Array.from({ length: SECONDS }, () => ({ second: 0, ended: 0, failed: 0 }));

  count(nowMs: number, failed: boolean): void {
    const second = Math.floor(nowMs / 1000);
    const slot = this.#seconds[second % SECONDS];
    if (!slot) return;
    if (slot.second !== second) Object.assign(slot, { second, ended: 0, failed: 0 });
    slot.ended += 1;
    if (failed) slot.failed += 1;
  }

  report(nowMs: number): Report {
    const since = Math.floor(nowMs / 1000) - SECONDS;
    const recent = this.#seconds.filter(({ second }) => second > since);
    const sum = (name: 'ended' | 'failed') => recent.reduce((total, slot) => total + slot[name], 0);
    return { running: this.running, ended: sum('ended'), failed: sum('failed'), at: nowMs };
  }
}

/** Puts one instance's report beside those of the others; instances that have long been silent drop out. */
async function merge(state: StateStore, agent: Agent, instanceId: string, report: Report): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    const before = await state.get(keyOf(agent));
    const others = Object.entries(reportsOf(before)).filter(
      ([id, { at }]) => id !== instanceId && report.at - at < 10 * 60_000,
    );
    const merged = JSON.stringify(Object.fromEntries([...others, [instanceId, report]]));
    if ((await state.compareAndSet(keyOf(agent), before, merged, FORGET_AFTER_MS)) === 'stored') return;
  }
}

const reportsOf = (text: string | undefined): Readonly<Record<string, Report>> =>
  parseStateValue(text, reportsSchema) ?? {};

export interface Workload {
  readonly running: number;
  /** Tasks that ended in the last minute. */
  readonly perMinute: number;
  /** The share of those that failed, 0 to 1. */
  readonly failureRate: number;
  /** When an instance last said what the agent does; absent when none has for a day. */
  readonly lastSeenAt?: string;
}

/** What all instances said of each agent. */
export async function readWorkloads(state: StateStore, clock: Clock): Promise<ReadonlyMap<Agent, Workload>> {
  const now = clock.now().getTime();
  return new Map(
    await Promise.all(
      agentNames.map(async (agent): Promise<[Agent, Workload]> => {
        const reports = Object.values(reportsOf(await state.get(keyOf(agent))));
        return [agent, workloadOf(reports, now)];
      }),
    ),
  );
}

function workloadOf(reports: readonly Report[], now: number): Workload {
  const current = reports.filter(({ at }) => now - at < CURRENT_MS);
  const minute = reports.filter(({ at }) => now - at < SECONDS * 1000);
  const sum = (of: readonly Report[], name: keyof Report) =>
    of.reduce((total, report) => total + report[name], 0);
  const ended = sum(minute, 'ended');
  const lastAt = Math.max(...reports.map(({ at }) => at));
  return {
    running: sum(current, 'running'),
    perMinute: ended,
    failureRate: ended === 0 ? 0 : sum(minute, 'failed') / ended,
    ...(reports.length > 0 && { lastSeenAt: new Date(lastAt).toISOString() }),
  };
}
