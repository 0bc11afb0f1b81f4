import { deploy } from '../../../infra/deploy/deployment.ts';
import { openTarget } from '../../../infra/deploy/openTarget.ts';
import { deployOptions } from '../../../infra/deploy/options.ts';
import { runCommand } from '../../../infra/deploy/runCommand.ts';
import { readPackage } from '../../../infra/deploy/stagePackage.ts';

/** `npm run deploy`, with a package that was staged before in place of one that is made now: the first argument. */
const [folder = '', ...args] = process.argv.slice(2);
await runCommand('npm run deploy', (signal) => {
  const options = deployOptions(args);
  const stage = () => readPackage(folder);
  return deploy({ ...options, target: openTarget(options), print: console.log, signal, stage });
});
