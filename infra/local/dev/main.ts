import { join } from 'node:path';
import { openBuild } from '../../build.ts';
import { devOptions } from '../options.ts';
import { runInTerminal } from '../runInTerminal.ts';
import { devLoop } from './devLoop.ts';

const root = join(import.meta.dirname, '../../..');
const sourceFolders = ['functions', 'shared'].map((folder) => join(root, folder));

const loop = devLoop(await openBuild(), sourceFolders, console.log);
await runInTerminal({
  command: 'npm run dev',
  readOptions: devOptions,
  build: () => loop.firstBuild(),
  whenReady: (topology) => {
    console.log('\n  A save under functions/ or shared/ builds anew, and restarts the apps that it changes.');
    return loop.restartOnSave((app) => topology.restart(app));
  },
});
