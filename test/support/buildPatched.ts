import { buildApps } from '../../infra/build.ts';

/** Builds an app as the gateway is built: with the changes of `infra/libraryPatches.ts` to the Functions library. */
export async function buildPatched(entry: string, outDir: string): Promise<void> {
  await buildApps({ entries: { main: entry }, outDir });
}
