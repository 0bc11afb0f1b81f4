import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { portsFor } from '../../infra/local/defaults.ts';
import { appSettings } from '../../infra/local/settings.ts';

const root = join(import.meta.dirname, '../..');
const library = join(root, 'node_modules/@azure/functions/dist/azure-functions.js');
const bundle = join(root, 'dist/main.js');

/** Fresh processes of each kind. The two kinds take turns, and the median counts. */
const RUNS = 9;
/**
 * The goal is an import in 150 ms on a quiet machine, on which the library alone takes 20 ms. Processor time is compared,
 * because other processes may have the cores. It is 8.3 on a quiet machine. `importedAtStart` names a package that should not be there.
 */
const MAX_RATIO = 10;

/** Prints the milliseconds that an import takes in a process of its own: of the processor, and in all. */
const script = `
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()];
  await import(process.argv[1]);
  const { user, system } = process.cpuUsage(cpu);
  process.stdout.write('took ' + (user + system) / 1000 + ' ' + (performance.now() - startedAt));
  process.exit(0);
`;

async function importTime(path: string): Promise<{ readonly cpu: number; readonly all: number }> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script, path],
    { env: { ...process.env, ...appSettings('mcp', portsFor(0)) } },
  );
  const [, cpu, all] = /took (\S+) (\S+)/.exec(stdout) ?? [];
  return { cpu: Number(cpu), all: Number(all) };
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[values.length >> 1] ?? NaN;

test('the import of the mcp app takes a few times as long as that of the Functions library alone', async () => {
  const times: Record<'app' | 'library', { cpu: number; all: number }[]> = { app: [], library: [] };
  for (let left = RUNS; left > 0; left--) {
    times.library.push(await importTime(library));
    times.app.push(await importTime(bundle));
  }
  const [app, alone] = [times.app, times.library].map((runs) => ({
    cpu: median(runs.map(({ cpu }) => cpu)),
    all: median(runs.map(({ all }) => all)),
  }));
  if (!app || !alone) throw new Error('nothing was measured');
  const said = `mcp app ${app.cpu.toFixed(0)} ms of the processor, ${app.all.toFixed(0)} ms in all; library alone ${alone.cpu.toFixed(0)} and ${alone.all.toFixed(0)} ms`;
  console.log(said);
  expect(app.cpu / alone.cpu, said).toBeLessThan(MAX_RATIO);
});
