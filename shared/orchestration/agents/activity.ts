import * as z from 'zod';
import type { Clock } from '../../platform/base/clock.ts';
import { parseStateValue, type StateStore } from '../../platform/state/stateStore.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import { type Agent, agentNames } from '../model/agents.ts';
import {
  LOAD_REPORT_EVERY_MS,
  LOAD_REPORT_REMOVED_MS,
  LOAD_REPORT_VALID_MS,
  LOAD_REPORTS_KEPT_MS,
  LOAD_WINDOW_S,
  MAX_LOAD_MERGES,
} from '../model/limits.ts';

/**
 * Counts what the agents of this instance do, and reports it to all instances every few seconds while they are busy. People and
 * the choice of an agent use the figures, which may miss tasks. No delegation waits for a report.
 */
export interface AgentActivity {
  /** Counts a task of a tenant that begins. Returns a function to call when the task has ended. */
  begin(agent: Agent, tenantId: string): (failed: boolean) => void;
}

const countsSchema = z.object({
  running: z.number(),
  /** Tasks that ended in the minute before `at`; so `failed`. */
  ended: z.number(),
  failed: z.number(),
});
type Counts = z.infer<typeof countsSchema>;
const nothing: Counts = { running: 0, ended: 0, failed: 0 };

/** The counts of all tenants, and of each. */
const reportSchema = countsSchema.extend({
  at: z.number(),
  tenants: z.record(z.string(), countsSchema).default({}),
});
type Report = z.infer<typeof reportSchema>;
const reportsSchema = z.record(z.string(), reportSchema);

const keyOf = (agent: Agent): string => `mreg:agent:${agent}`;

interface Deps {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Unique among all instances. */
  readonly instanceId: string;
}

export function createAgentActivity({ state, clock, log, instanceId }: Deps): AgentActivity {
  const tallies = new Map<Agent, AgentTally>();

  async function writeReport(agent: Agent, tally: AgentTally): Promise<void> {
    tally.timer = undefined;
    const now = clock.now().getTime();
    const report = tally.report(now);
    try {
      await merge(state, agent, instanceId, report);
    } catch (error) {
      log.warn('agent_load_write_failed', {
        agent,
        reason: error instanceof Error ? error.message : 'unknown',
      });
    }
    // Once more after the last task, so that the task does not seem to go on.
    if (report.running > 0 || tally.isBusy()) scheduleReport(agent, tally);
  }
  function scheduleReport(agent: Agent, tally: AgentTally): void {
    tally.timer ??= setTimeout(() => void writeReport(agent, tally), LOAD_REPORT_EVERY_MS).unref();
  }

  return {
    begin(agent, tenantId) {
      const tally = tallies.get(agent) ?? new AgentTally();
      tallies.set(agent, tally);
      const own = tally.of(tenantId);
      own.running += 1;
      scheduleReport(agent, tally);
      return (failed) => {
        own.running -= 1;
        own.count(clock.now().getTime(), failed);
        scheduleReport(agent, tally);
      };
    },
  };
}

/** Counts one agent's tasks in this instance, tenant by tenant. */
class AgentTally {
  timer: NodeJS.Timeout | undefined;
  readonly #tenants = new Map<string, Tally>();

  of(tenantId: string): Tally {
    const tally = this.#tenants.get(tenantId) ?? new Tally();
    this.#tenants.set(tenantId, tally);
    return tally;
  }

  isBusy(): boolean {
    return [...this.#tenants.values()].some(({ running }) => running > 0);
  }

  report(nowMs: number): Report {
    const counts = [...this.#tenants].map(([id, tally]) => [id, tally.counts(nowMs)] as const);
    const sum = (name: keyof Counts) => counts.reduce((total, [, each]) => total + each[name], 0);
    return {
      running: sum('running'),
      ended: sum('ended'),
      failed: sum('failed'),
      at: nowMs,
      tenants: Object.fromEntries(counts),
    };
  }
}

/** Counts the tasks of one tenant: those that run, and those of the last minute by second. */
class Tally {
  running = 0;
  readonly #seconds = Array.from({ length: LOAD_WINDOW_S }, () => ({ second: 0, ended: 0, failed: 0 }));

  count(nowMs: number, failed: boolean): void {
    const second = Math.floor(nowMs / 1000);
    const slot = this.#seconds[second % LOAD_WINDOW_S];
    if (!slot) return;
    if (slot.second !== second) Object.assign(slot, { second, ended: 0, failed: 0 });
    slot.ended += 1;
    if (failed) slot.failed += 1;
  }

  counts(nowMs: number): Counts {
    const since = Math.floor(nowMs / 1000) - LOAD_WINDOW_S;
    const recent = this.#seconds.filter(({ second }) => second > since);
    const sum = (name: 'ended' | 'failed') => recent.reduce((total, slot) => total + slot[name], 0);
    return { running: this.running, ended: sum('ended'), failed: sum('failed') };
  }
}

/** Merges an instance's report with those of the others, and removes old reports of others. */
async function merge(state: StateStore, agent: Agent, instanceId: string, report: Report): Promise<void> {
  for (let tries = 0; tries < MAX_LOAD_MERGES; tries++) {
    const before = await state.get(keyOf(agent));
    const others = Object.entries(reportsOf(before)).filter(
      ([id, { at }]) => id !== instanceId && report.at - at < LOAD_REPORT_REMOVED_MS,
    );
    const merged = JSON.stringify(Object.fromEntries([...others, [instanceId, report]]));
    if ((await state.compareAndSet(keyOf(agent), before, merged, LOAD_REPORTS_KEPT_MS)) === 'stored') return;
  }
}

const reportsOf = (text: string | undefined): Readonly<Record<string, Report>> =>
  parseStateValue(text, reportsSchema) ?? {};

export interface Workload {
  readonly running: number;
  /** Tasks that ended in the last minute. */
  readonly perMinute: number;
  /** The fraction of those that failed, 0 to 1. */
  readonly failureRate: number;
  /** When an instance last reported on the agent; absent when none has for a day. */
  readonly lastSeenAt?: string;
}

/** Returns the workload of each agent, of one tenant or of all, summed over the reports of all instances. */
export async function readWorkloads(
  state: StateStore,
  clock: Clock,
  tenantId?: string,
): Promise<ReadonlyMap<Agent, Workload>> {
  const now = clock.now().getTime();
  return new Map(
    await Promise.all(
      agentNames.map(async (agent): Promise<[Agent, Workload]> => {
        const reports = Object.values(reportsOf(await state.get(keyOf(agent))));
        return [agent, workloadOf(reports, now, tenantId)];
      }),
    ),
  );
}

function workloadOf(reports: readonly Report[], now: number, tenantId: string | undefined): Workload {
  const countsOf = (report: Report): Counts =>
    tenantId === undefined ? report : (report.tenants[tenantId] ?? nothing);
  const current = reports.filter(({ at }) => now - at < LOAD_REPORT_VALID_MS);
  const minute = reports.filter(({ at }) => now - at < LOAD_WINDOW_S * 1000);
  const sum = (of: readonly Report[], name: keyof Counts) =>
    of.reduce((total, report) => total + countsOf(report)[name], 0);
  const ended = sum(minute, 'ended');
  const lastAt = Math.max(...reports.map(({ at }) => at));
  return {
    running: sum(current, 'running'),
    perMinute: ended,
    failureRate: ended === 0 ? 0 : sum(minute, 'failed') / ended,
    ...(reports.length > 0 && { lastSeenAt: new Date(lastAt).toISOString() }),
  };
}
