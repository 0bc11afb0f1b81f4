import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readBuildInfo, UNBUILT } from '../../shared/platform/config/buildInfo.ts';
import { LocalError } from '../local/localError.ts';
import { runProgram } from './runProgram.ts';
import type { AppPackage } from './target.ts';

export const root = join(import.meta.dirname, '../..');
/** The folder that `npm run package` stages, and that `azure.yaml` deploys. */
export const stagedFolder = join(root, 'out/package');

/** Stages the package of this checkout. */
export async function stagePackage(signal: AbortSignal): Promise<AppPackage> {
  await runProgram('npm', ['run', 'package'], { cwd: root, signal });
  return readPackage(stagedFolder);
}

/** Returns the package in a folder. @throws LocalError when it does not say which build it is. */
export async function readPackage(folder: string): Promise<AppPackage> {
  const { build } = await readBuildInfo(pathToFileURL(join(folder, 'dist/build.json')));
  if (build === UNBUILT)
    throw new LocalError(`${folder} is no package: it has no dist/build.json. Run npm run package`);
  return { folder, build };
}
