import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openBuild } from '../../build.ts';
import { devOptions } from '../options.ts';
import { root } from '../processes.ts';
import { runInTerminal } from '../runInTerminal.ts';
import { devLoop } from './devLoop.ts';

/** Not `dist/`, since what is built here cannot be deployed; inside the checkout, so that packages are found. */
const appRoot = join(root, '.local/dev');
const sourceFolders = ['functions', 'shared'].map((folder) => join(root, folder));

await mkdir(appRoot, { recursive: true });
for (const file of ['host.json', 'package.json']) await copyFile(join(root, file), join(appRoot, file));
const build = await openBuild({ outDir: join(appRoot, 'dist'), packages: 'external' });
const loop = devLoop(build, sourceFolders, console.log);
await runInTerminal({
  command: 'npm run dev',
  readOptions: devOptions,
  app: { root: appRoot, build: () => loop.firstBuild() },
  whenReady: (topology) => {
    console.log(
      '\n  A save under functions/ or shared/ builds the code again and restarts the changed apps.',
    );
    return loop.restartOnSave((app) => topology.restart(app));
  },
});
