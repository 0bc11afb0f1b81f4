import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { azureFolder, bicepVersion, findBicep } from './compiler.ts';

/** The parameter files that have a committed snapshot. */
export const snapshotNames = ['dev', 'prod', 'private'] as const;

/** Returns the arguments of `bicep` that write a snapshot, or compare it with the Bicep files. */
export const snapshotArguments = (parameterFile: string, mode: 'overwrite' | 'validate'): string[] => [
  ...['snapshot', parameterFile, '--mode', mode, '--location', 'westeurope'],
  ...['--subscription-id', '00000000-0000-0000-0000-000000000000'],
  ...['--tenant-id', '00000000-0000-0000-0000-0000000000bb'],
];

function writeSnapshots(): void {
  const bicep = findBicep();
  if (bicep === undefined) {
    throw new Error(`Bicep ${bicepVersion} is missing: install it, or dotnet, which downloads it`);
  }
  for (const name of snapshotNames) {
    execFileSync(bicep, snapshotArguments(join(azureFolder, `${name}.bicepparam`), 'overwrite'), {
      stdio: 'inherit',
    });
    sortOutputs(join(azureFolder, `${name}.snapshot.json`));
  }
}

/** Each run of the compiler writes the outputs in another order. */
function sortOutputs(file: string): void {
  const snapshot = JSON.parse(readFileSync(file, 'utf8')) as { outputs: Record<string, unknown> };
  const outputs = Object.fromEntries(Object.entries(snapshot.outputs).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify({ ...snapshot, outputs }, null, 2)}\n`);
}

if (import.meta.main) writeSnapshots();
