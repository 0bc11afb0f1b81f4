import { buildApps } from '../../infra/build.ts';

/** Builds an app as the gateway is built: with the changes of `infra/libraryPatches.ts` to the Functions library. */
export const buildPatched = (entry: string, outDir: string): Promise<void> =>
  buildApps({ entries: { main: entry }, outDir });
