import { writeFile } from 'node:fs/promises';
import { withMadePart } from '../madePart.ts';
import priceList from '../prices.json' with { type: 'json' };
import { type Cost, hundredThousandDelegations, idleMonth, millionToolCalls } from './costs.ts';
import quantities from './quantities.json' with { type: 'json' };

const { prices } = priceList;
export const costDocsFile = new URL('../../docs/operate.md', import.meta.url).pathname;

/** Returns `docs/operate.md` with its tables of costs, recomputed from the prices and the measured quantities. */
export const costDocs = (): Promise<string> =>
  withMadePart(
    costDocsFile,
    'infra/prices.json and infra/costs',
    [costTable(), quantityTable(), priceTable()].join('\n\n'),
  );

function costTable(): string {
  const rows: [string, Cost][] = [
    ['a million tool calls, each alone in its second', millionToolCalls('alone', 1)],
    ['a million tool calls, 20 a second', millionToolCalls('at20', 20)],
    ['a million tool calls, 200 a second', millionToolCalls('at200', 200)],
    ['100,000 delegations, one at a time', hundredThousandDelegations()],
    ['a month of `dev` in which nobody calls', idleMonth()],
  ];
  return table(
    ['USD', 'compute', 'executions', 'tables', 'logs', 'fixed', 'all'],
    rows.map(([name, cost]) => {
      const { compute, executions, tables, logs, fixed } = cost;
      const parts = [compute, executions, tables, logs, fixed];
      return [name, ...[...parts, parts.reduce((sum, part) => sum + part, 0)].map((usd) => usd.toFixed(2))];
    }),
  );
}

function quantityTable(): string {
  const { toolCall, delegation, idleHour } = quantities;
  const rows = {
    'a tool call, alone': toolCall.alone,
    'a tool call at 20 a second': toolCall.at20,
    'a tool call at 200 a second': toolCall.at200,
    'a delegation': delegation,
    'an idle hour': idleHour,
  };
  return table(
    [`measured on ${quantities.measured}`, 'requests to tables', 'bytes of log lines', 'delegations'],
    Object.entries(rows).map(([name, { tableRequests, logBytes, delegations }]) => [
      name,
      ...[tableRequests, logBytes, delegations].map(String),
    ]),
  );
}

const priceTable = (): string =>
  table(
    ['price in USD', 'for', 'as of', 'source'],
    Object.values(prices).map(({ usd, per, date, source }) => [String(usd), per, date, `<${source}>`]),
  );

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

if (import.meta.main) await writeFile(costDocsFile, await costDocs());
