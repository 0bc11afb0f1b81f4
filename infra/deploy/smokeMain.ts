import { LocalError } from '../local/localError.ts';
import { placeArguments } from '../local/options.ts';
import { packageFolder } from '../package.ts';
import { DEPLOYMENT_VARIABLE } from './azure/deploymentVariable.ts';
import { openTarget } from './openTarget.ts';
import { LOCAL, smokeOptions } from './options.ts';
import { requireRunningBuild } from './requireRunningBuild.ts';
import { runCommand } from './runCommand.ts';
import { smoke } from './smoke.ts';

await runCommand('npm run smoke', async (signal) => {
  const options = smokeOptions(process.argv.slice(2));
  if (options.azd && process.env[DEPLOYMENT_VARIABLE] !== undefined) {
    console.log('Smoke test: left to npm run deploy, which runs it when both apps are deployed.');
    return true;
  }
  const gateway = await openTarget(options).gateway();
  if (!gateway)
    throw new LocalError(
      options.environment === LOCAL
        ? `nothing is deployed: npm run deploy -- --environment ${LOCAL}${placeArguments(options)}`
        : `the environment ${options.environment} names no origins of the apps: provision it with azd provision`,
    );
  // The hook has just staged what azd deployed, and new instances register only when they have started.
  if (!options.azd) await requireRunningBuild(gateway, packageFolder, signal);
  for (const note of await smoke(gateway, packageFolder, signal)) console.log(`ok  ${note}`);
  return true;
});
