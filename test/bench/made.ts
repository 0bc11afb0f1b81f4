import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { withMadePart } from '../../infra/madePart.ts';
import { busyNote } from './prepare.ts';

const page = new URL('../../docs/performance.md', import.meta.url).pathname;

/** With the argument `--docs`, writes what a part of the bench has measured into `docs/performance.md`. */
export async function writeMade(part: string, source: string, text: string): Promise<void> {
  if (!process.argv.includes('--docs')) return;
  const made = [machineLine(), text].join('\n\n');
  await writeFile(page, await withMadePart(page, source, made, `npm run bench -- ${part} --docs`));
  console.log('Wrote docs/performance.md');
}

/** Says when and on what was measured. */
export function machineLine(): string {
  const [cpu] = cpus();
  const gibibytes = Math.round(totalmem() / 1024 ** 3);
  const measured = new Date().toISOString().slice(0, 10);
  return `Measured on ${measured} with ${cpus().length} cores (${cpu?.model ?? 'unknown'}), ${gibibytes} GiB, Node ${process.versions.node}. The load runs on the same cores. ${busyNote}`.trimEnd();
}
