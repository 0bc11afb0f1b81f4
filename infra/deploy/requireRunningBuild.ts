import { LocalError } from '../local/localError.ts';
import { gatewayClient } from './gatewayClient.ts';
import { readPackage } from './stagePackage.ts';
import type { GatewayAccess } from './target.ts';

/**
 * Checks that a gateway runs the package in a folder.
 * @throws LocalError when the folder holds no package, or when no instance of the gateway runs its build.
 */
export async function requireRunningBuild(
  gateway: GatewayAccess,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const { build } = await readPackage(folder);
  const running = await gatewayClient(gateway, signal).runningBuilds();
  const [other] = running;
  if (other === undefined || running.includes(build)) return;
  throw new LocalError(
    `${folder} holds build ${build}, and the gateway runs build ${other}. After a rollback, the folder holds the build that ` +
      'failed. Check out the code that the gateway runs, and stage it: npm run package',
  );
}
