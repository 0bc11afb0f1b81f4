import { cpus, totalmem } from 'node:os';

/** Says when and on what was measured, as a sentence for the documentation. */
export function machineLine(): string {
  const [cpu] = cpus();
  const gibibytes = Math.round(totalmem() / 1024 ** 3);
  const measured = new Date().toISOString().slice(0, 10);
  return `Measured on ${measured} with ${cpus().length} cores (${cpu?.model ?? 'unknown'}), ${gibibytes} GiB, Node ${process.versions.node}. The load runs on the same cores.`;
}
