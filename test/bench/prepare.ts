import { availableParallelism, loadavg } from 'node:os';
import { buildApps } from '../../infra/build.ts';

const [load = 0] = loadavg();

/** Says that other work disturbs the figures, when the machine was busy as the bench started. Windows does not tell. */
export const busyNote: string =
  load > availableParallelism()
    ? `The machine was busy at the start: a load of ${load.toFixed(1)} on ${availableParallelism()} cores.`
    : '';

/** Builds the apps, once the command line is known to be right. */
export async function prepare(): Promise<void> {
  if (busyNote) console.error(`${busyNote} The figures are worse than those of a quiet machine.`);
  console.error('Building the apps');
  await buildApps();
}
