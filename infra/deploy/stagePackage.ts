import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readBuildInfo, UNBUILT } from '../../shared/platform/config/buildInfo.ts';
import { LocalError } from '../local/localError.ts';
import { packageFolder, stagePackage } from '../package.ts';
import type { AppPackage } from './target.ts';

/** Stages the package of this checkout in the folder that `azure.yaml` deploys. */
export async function stageThisCheckout(): Promise<AppPackage> {
  await stagePackage();
  return readPackage(packageFolder);
}

/** Returns the package in a folder. @throws LocalError when it does not say which build it is. */
export async function readPackage(folder: string): Promise<AppPackage> {
  const { build } = await readBuildInfo(pathToFileURL(join(folder, 'dist/build.json')));
  if (build === UNBUILT)
    throw new LocalError(`${folder} is no package: it has no dist/build.json. Run npm run package`);
  return { folder, build };
}
