import { inTurns } from '../inTurns.ts';
import { load } from '../load.ts';
import type { BareTool, Calls } from '../mcpClient.ts';
import { openLoop } from '../openLoop.ts';
import { median } from '../quantile.ts';

/** Something in front of the bare server, with its sessions open. */
export interface Entrant {
  readonly name: string;
  readonly note: string;
  readonly passesEvents: boolean;
  /** Whether it starts processes of its own, which `cpuMs` leaves out. */
  readonly startsProcesses: boolean;
  readonly calls: Calls;
  /** What its process has used so far; not a number where that is unknown. */
  readonly cpuMs: () => number;
}

/** Medians over the rounds. */
export interface Standing {
  readonly entrant: Entrant;
  readonly perSecond: number;
  /** The rate of the first entrant, as a multiple of this one's. */
  readonly firstIsFaster: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
}

export interface OpenStanding {
  readonly entrant: Entrant;
  readonly perSecond: number;
  readonly calls: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

export const CONNECTIONS = 16;
export const ROUNDS = 4;
const SECONDS = 2;
const WARM_UP_SECONDS = 0.5;
/** More than the calls that wait at any rate below. */
const OPEN_CONNECTIONS = 64;
const OPEN_SECONDS = 6;
/** Of the rate of the slowest in the closed loop. */
export const OPEN_SHARES = [0.25, 0.5, 0.8] as const;

/** As many calls as each answers, with 16 connections. */
export async function raceClosed(
  title: string,
  entrants: readonly Entrant[],
  tool: BareTool,
): Promise<readonly Standing[]> {
  const measure = async ({ calls, cpuMs }: Entrant) => {
    const before = cpuMs();
    const {
      perSecond,
      p50Ms,
      p99Ms,
      calls: made,
    } = await load(calls(tool), CONNECTIONS, SECONDS, WARM_UP_SECONDS);
    return { perSecond, p50Ms, p99Ms, cpuMs: (cpuMs() - before) / made };
  };
  const measured = await inTurns(ROUNDS, entrants, measure, (round) => {
    console.error(`${title}: round ${round} of ${ROUNDS}`);
  });
  const first = [...measured.values()][0] ?? [];
  return [...measured].map(([entrant, rounds]) => ({
    entrant,
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    firstIsFaster: median(
      rounds.map(({ perSecond }, round) => (first[round]?.perSecond ?? Number.NaN) / perSecond),
    ),
    p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
    cpuMs: median(rounds.map(({ cpuMs }) => cpuMs)),
  }));
}

/** The same calls a second at each, at shares of the rate of the slowest. */
export async function raceOpen(closed: readonly Standing[]): Promise<readonly OpenStanding[]> {
  const slowest = Math.min(...closed.map(({ perSecond }) => perSecond));
  const standings: OpenStanding[] = [];
  for (const share of OPEN_SHARES) {
    const perSecond = Math.round(slowest * share);
    console.error(`open loop: ${perSecond} calls/s at each`);
    for (const { entrant } of closed) {
      const target = entrant.calls('echo');
      standings.push({
        entrant,
        perSecond,
        ...(await openLoop(target, OPEN_CONNECTIONS, perSecond, OPEN_SECONDS)),
      });
    }
  }
  return standings;
}
