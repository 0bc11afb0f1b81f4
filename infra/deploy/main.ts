import { deploy, printPlan } from './deployment.ts';
import { openTarget } from './openTarget.ts';
import { deployOptions } from './options.ts';
import { runCommand } from './runCommand.ts';
import { stageThisCheckout } from './stagePackage.ts';

await runCommand('npm run deploy', async (signal) => {
  const options = deployOptions(process.argv.slice(2));
  const { environment, dryRun } = options;
  const common = { environment, target: openTarget(options), print: console.log };
  if (!dryRun) return deploy({ ...common, signal, stage: stageThisCheckout });
  await printPlan(common);
  return true;
});
