import { writeFile } from 'node:fs/promises';
import { withMadePart } from '../../infra/madePart.ts';
import { measureLists } from './gatewayLists.ts';
import { linesOf, type Measured, tableOf } from './goals.ts';
import { measureCalls } from './goals/calls.ts';
import { measureProcesses } from './goals/process.ts';
import { measureStart } from './goals/start.ts';
import { machineLine } from './machine.ts';
import { measureDelegations } from './orchestration.ts';

const measures = [measureCalls, measureStart, measureLists, measureDelegations, measureProcesses];

const page = new URL('../../docs/performance.md', import.meta.url).pathname;

/** Prints each figure with its goal as soon as it is measured. With `--docs` it also writes them into `docs/performance.md`. */
export async function benchGoals(): Promise<void> {
  console.log('\ngoals: the median of the rounds, and between what they lie');
  const startedAt = performance.now();
  let all: Measured = {};
  for (const measure of measures) {
    const measured = await measure();
    all = { ...all, ...measured };
    for (const line of linesOf(measured)) console.log(line);
  }
  const minutes = (performance.now() - startedAt) / 60_000;
  console.log(`\ngoals, all, in ${minutes.toFixed(1)} minutes`);
  for (const line of linesOf(all)) console.log(line);
  if (!process.argv.includes('--docs')) return;
  const part = [machineLine(), tableOf(all)].join('\n\n');
  await writeFile(
    page,
    await withMadePart(page, 'test/bench/goals.ts', part, 'npm run bench -- goals --docs'),
  );
}
