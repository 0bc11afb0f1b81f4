import { LocalError } from '../local/localError.ts';
import { packageFolder } from '../package.ts';
import { DEPLOYMENT_VARIABLE } from './azure/deploymentVariable.ts';
import { openTarget } from './openTarget.ts';
import { smokeOptions } from './options.ts';
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
      `the environment ${options.environment} names no origins of the apps: provision it with azd provision`,
    );
  for (const note of await smoke(gateway, packageFolder, signal)) console.log(`ok  ${note}`);
  return true;
});
