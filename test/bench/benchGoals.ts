import { measureLists } from './gatewayLists.ts';
import { linesOf, type Measured, tableOf } from './goals.ts';
import { measureCalls } from './goals/calls.ts';
import { measureProcesses } from './goals/process.ts';
import { measureStart } from './goals/start.ts';
import { writeMade } from './made.ts';
import { measureDelegations } from './orchestration.ts';

const measures = [measureCalls, measureStart, measureLists, measureDelegations, measureProcesses];

/** Prints each figure with its goal as soon as it is measured. With `--docs` it also writes them into `docs/performance.md`. */
export async function benchGoals(): Promise<void> {
  console.log('\ngoals: the median of the rounds, and in parentheses the lowest and the highest round');
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
  await writeMade('goals', 'test/bench/goals.ts', tableOf(all));
}
