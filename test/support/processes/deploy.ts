import { deploy } from '../../../infra/deploy/deployment.ts';
import { openTarget } from '../../../infra/deploy/openTarget.ts';
import { deployOptions } from '../../../infra/deploy/options.ts';
import { runCommand } from '../../../infra/deploy/runCommand.ts';
import { readPackage } from '../../../infra/deploy/stagePackage.ts';

/**
 * `npm run deploy`, with a package that was staged before in place of one that is made now: the first argument. The second is the
 * time in ms that the apps have to settle.
 */
const [folder = '', settlesWithinMs = '', ...args] = process.argv.slice(2);
await runCommand('npm run deploy', (signal) => {
  const options = deployOptions(args);
  const target = openTarget(options);
  const gateway = async () => {
    const access = await target.gateway();
    return access && { ...access, settlesWithinMs: Number(settlesWithinMs) };
  };
  const stage = () => readPackage(folder);
  return deploy({ ...options, target: { ...target, gateway }, print: console.log, signal, stage });
});
