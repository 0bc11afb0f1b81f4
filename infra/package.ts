import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { buildApps } from './build.ts';
import { DEPLOYMENT_VARIABLE } from './deploy/azure/deploymentVariable.ts';
import { runCommand } from './deploy/runCommand.ts';
import { parse } from './local/options.ts';

const root = join(import.meta.dirname, '..');

/** The folder that `azure.yaml` names as the project of both apps. */
export const packageFolder = join(root, 'out/package');

/** The bundle holds every package that it needs, so the package has no dependencies. */
const manifest = {
  name: packageJson.name,
  version: packageJson.version,
  private: true,
  type: packageJson.type,
  main: packageJson.main,
};

/**
 * Builds the apps and stages what Azure gets of them: `host.json`, a small `package.json`, and `dist/` without source maps. Both
 * apps are deployed from this one package. Afterwards the folder holds nothing else.
 * @returns the paths of the files in the package, sorted
 * @throws as `buildApps`
 */
export async function stagePackage(folder: string = packageFolder): Promise<readonly string[]> {
  const built = await buildApps();
  const code = built.files.filter((path) => !path.endsWith('.map'));
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'dist'), { recursive: true });
  await Promise.all([
    copyFile(join(root, 'host.json'), join(folder, 'host.json')),
    writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`),
    ...code.map((path) => copyWithoutMap(path, join(folder, 'dist', basename(path)))),
  ]);
  return ['host.json', 'package.json', ...code.map((path) => `dist/${basename(path)}`)].sort();
}

/** Copies a file of the build without the comment that names its source map, which the package leaves out. */
async function copyWithoutMap(from: string, to: string): Promise<void> {
  const code = await readFile(from, 'utf8');
  await writeFile(to, code.replace(/\n\/\/# sourceMappingURL=\S+\n$/, '\n'));
}

if (import.meta.main) {
  await runCommand('npm run package', async () => {
    parse(process.argv.slice(2), 'none', {});
    // `npm run deploy` sets this for its azd. It has staged the package, and a rollback must not depend on a build.
    if (process.env[DEPLOYMENT_VARIABLE] !== undefined) {
      console.log('The package stays as npm run deploy has staged it.');
      return true;
    }
    const files = await stagePackage();
    console.log(`Staged ${files.length} files in ${relative(process.cwd(), packageFolder)}`);
    return true;
  });
}
