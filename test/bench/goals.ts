import { median } from './quantile.ts';

/** The figures that a release keeps to, on two cores that nothing else uses. `docs/performance.md` says how each is measured. */
export const goals = {
  rateLegacyJson: atLeast(2, '×', 'calls/s beside mcp-proxy, 2025-11-25, JSON answers'),
  rateLegacyStream: atLeast(2, '×', 'calls/s beside mcp-proxy, 2025-11-25, event streams'),
  rateModernJson: atLeast(2, '×', 'calls/s beside mcp-proxy, 2026-07-28, JSON answers'),
  rateModernStream: atLeast(2, '×', 'calls/s beside mcp-proxy, 2026-07-28, event streams'),
  addedCpu: atMost(0.2, 'ms', 'CPU of a call above an empty function'),
  storeCpu: atMost(0.03, 'ms', 'CPU of a call in the table service, 100,000 records there'),
  tailKept: atMost(3, '×', 'p99 beside p50, 64 connections'),
  tailOpened: atMost(3, '×', 'p99 beside p50, 64 connections opened at once'),
  addedBytes: atMost(20, 'KB', 'allocation of a call above an empty function'),
  importTime: atMost(150, 'ms', 'import of the mcp app'),
  firstAnswer: atMost(1.3, '×', "first answer of a cold process beside an empty function's"),
  listPage: atMost(4, 'ms', 'first page of tools/list, 10,000 tools, p50'),
  roundTrip: atMost(60, 'ms', 'round trip of a delegation, p50'),
  delegationCpu: atMost(1.75, '×', 'CPU of a delegation at full load beside a bare loop'),
  memory: atMost(170, 'MB', 'memory after 100,000 calls'),
  memoryGrowth: atMost(5, 'MB', 'growth of the memory from 20,000 to 100,000 calls'),
} as const satisfies Readonly<Record<string, Goal>>;

export type Figure = keyof typeof goals;

/** What was measured, each round on its own. */
export type Measured = Readonly<Partial<Record<Figure, readonly number[]>>>;

interface Goal {
  readonly name: string;
  readonly unit: string;
  readonly limit: number;
  readonly isUpper: boolean;
}

function atMost(limit: number, unit: string, name: string): Goal {
  return { name, unit, limit, isUpper: true };
}

function atLeast(limit: number, unit: string, name: string): Goal {
  return { name, unit, limit, isUpper: false };
}

export interface Judged extends Goal {
  readonly measured: number;
  readonly least: number;
  readonly most: number;
  readonly isMet: boolean;
  readonly rounds: number;
}

/** The median of the rounds counts. A figure that could not be measured is not met. */
export function judge(figure: Figure, rounds: readonly number[]): Judged {
  const goal = goals[figure];
  const measured = median(rounds);
  const isMet = goal.isUpper ? measured <= goal.limit : measured >= goal.limit;
  const [least, most] = [Math.min(...rounds), Math.max(...rounds)];
  return { ...goal, measured, least, most, isMet, rounds: rounds.length };
}

/** A line for each figure: whether it is met, what was measured, the goal, and the lowest and the highest round, if there are several. */
export function linesOf(measured: Measured): readonly string[] {
  return judged(measured).map((one) => {
    const range =
      one.rounds < 2 ? '(one round)' : `(${rounded(one, one.least)} to ${rounded(one, one.most)})`;
    const value = `${rounded(one, one.measured)} ${one.unit}`;
    return `  ${one.isMet ? 'met    ' : 'NOT MET'}  ${one.name.padEnd(62)} ${value.padStart(10)}  ${limitOf(one).padEnd(16)} ${range}`;
  });
}

/** The same as a table in Markdown. */
export function tableOf(measured: Measured): string {
  const rows = judged(measured).map((one) => {
    const value = `${rounded(one, one.measured)} ${one.unit}`;
    return `| ${one.name} | ${value} | ${limitOf(one)} | ${one.isMet ? 'yes' : 'no'} |`;
  });
  return ['| figure | measured | goal | met |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function judged(measured: Measured): readonly Judged[] {
  const figures = Object.keys(goals) as Figure[];
  return figures.flatMap((figure) => {
    const rounds = measured[figure];
    return rounds ? judge(figure, rounds) : [];
  });
}

const limitOf = ({ isUpper, limit, unit }: Goal): string =>
  `${isUpper ? 'at most' : 'at least'} ${limit} ${unit}`;

/** With as many digits as the goal can be missed by. */
const rounded = ({ limit }: Goal, value: number): string => value.toFixed(limit < 1 ? 3 : limit < 10 ? 2 : 0);
