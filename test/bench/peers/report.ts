import { machineLine } from '../made.ts';
import { CONNECTIONS, type Entrant, OPEN_SHARES, type OpenStanding, ROUNDS, type Standing } from './race.ts';

/** For a p99.9: with fewer it is the worst call or two. */
const ENOUGH_CALLS = 2_000;
const shares = OPEN_SHARES.map((share) => `${share * 100} %`).join(', ');

export interface Race {
  readonly title: string;
  readonly standings: readonly Standing[];
}

/** Returns the result in Markdown. The first entrant of each race is the one that the others are compared with. */
export function reportOf(races: readonly Race[], open: readonly OpenStanding[], versions: string): string {
  const closed = `Each has ${CONNECTIONS} connections, in turns, ${ROUNDS} rounds; medians. _Times_ is the gateway's rate divided by the peer's, the median of the rounds.`;
  return [
    machineLine(),
    versions,
    closed,
    ...races.map(raceTable),
    `An open loop asks at a fixed rate, and counts each latency from the planned time of its call, so a call that waits counts. The rates are ${shares} of the rate of the slowest in the first table. p99.9 stands only where at least ${thousands(ENOUGH_CALLS)} calls were made.`,
    openTable(open),
    notes(races),
  ].join('\n\n');
}

const raceTable = ({ title, standings }: Race): string =>
  table(
    [title, 'calls/s', 'times', 'p50', 'p99', 'CPU for a call'],
    standings.map(({ entrant, perSecond, firstIsFaster, p50Ms, p99Ms, cpuMs }, index) => [
      entrant.name,
      thousands(perSecond),
      index === 0 ? '' : firstIsFaster.toFixed(2),
      ms(p50Ms),
      ms(p99Ms),
      Number.isNaN(cpuMs)
        ? ''
        : `${cpuMs.toFixed(2)} ms${entrant.startsProcesses ? ' (without its child processes)' : ''}`,
    ]),
  );

/** A row for each entrant, with the latencies at each rate. */
function openTable(standings: readonly OpenStanding[]): string {
  const rates = [...new Set(standings.map(({ perSecond }) => perSecond))];
  const entrants = [...new Set(standings.map(({ entrant }) => entrant))];
  const cell = (entrant: Entrant, rate: number) => {
    const found = standings.find((one) => one.entrant === entrant && one.perSecond === rate);
    if (!found) return '';
    const { calls, p50Ms, p99Ms, p999Ms } = found;
    return [p50Ms, p99Ms, ...(calls < ENOUGH_CALLS ? [] : [p999Ms])]
      .map((value) => value.toFixed(1))
      .join(' / ');
  };
  return table(
    [
      'p50 / p99 / p99.9 in ms, 2025-11-25, JSON answers',
      ...rates.map((rate) => `${thousands(rate)} calls/s`),
    ],
    entrants.map((entrant) => [entrant.name, ...rates.map((rate) => cell(entrant, rate))]),
  );
}

function notes(races: readonly Race[]): string {
  const entrants = new Map(
    races.flatMap(({ standings }) => standings.map(({ entrant: { name, note } }) => [name, note])),
  );
  return table(
    ['', 'what runs'],
    [...entrants].map(([name, note]) => [name, note]),
  );
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const ms = (value: number) => `${value.toFixed(1)} ms`;
const thousands = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 0 });
