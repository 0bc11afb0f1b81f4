import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

export interface TestPackages {
  /**
   * Makes a package of this checkout that says it is another build. `fault` is code that runs before the app, with the name of
   * the app in `app` and the folder of the package's code in `dist`.
   */
  make(build: string, fault?: string): Promise<string>;
  remove(): Promise<void>;
}

/** Packages as `npm run package` stages them, in a folder of their own. Needs `npm run build`. */
export async function testPackages(): Promise<TestPackages> {
  const folder = await mkdtemp(join(tmpdir(), 'packages-'));
  return {
    async make(build, fault) {
      const to = join(folder, build);
      const dist = join(to, 'dist');
      await cp(join(root, 'dist'), dist, { recursive: true, filter: (from) => !from.endsWith('.map') });
      await cp(join(root, 'host.json'), join(to, 'host.json'));
      await writeFile(join(to, 'package.json'), '{"type":"module","main":"dist/main.js"}');
      const info = JSON.parse(await readFile(join(dist, 'build.json'), 'utf8')) as object;
      await writeFile(join(dist, 'build.json'), JSON.stringify({ ...info, build }));
      if (fault !== undefined) {
        await cp(join(dist, 'main.js'), join(dist, 'sound.js'));
        await writeFile(join(dist, 'main.js'), faulty(fault));
      }
      return to;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

const faulty = (fault: string): string => `
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const core = createRequire(import.meta.url)('@azure/functions-core');
const dist = import.meta.dirname;
const app = process.env.MREG_APP;
${fault}
await import('./sound.js');
`;

/** What can be wrong with a package, each found by another step of a deployment. */
export const faults = {
  /** The step deploy_mcp: the app does not start. */
  load: `if (app === 'mcp') throw new TypeError('no wheel');`,
  /** The step health: an instance of the mcp app runs another build than the package. */
  health: `if (app === 'mcp') {
    const file = dist + '/build.json';
    const { default: info } = await import(file, { with: { type: 'json' } });
    writeFileSync(file, JSON.stringify({ ...info, build: 'another' }));
  }`,
  /** The gate post_deployment: the mcp app does not find the issuer of its tokens. */
  gate: `if (app === 'mcp') process.env.MREG_LOCAL_ISSUER = 'http://127.0.0.1:9';`,
  /** The smoke test: the host of the mcp app finds a function that is not in the package. */
  smoke: `if (app === 'mcp' && !process.env.MREG_PUBLIC_ORIGIN.endsWith(':8001'))
    core.registerFunction(
      {
        name: 'stowaway',
        bindings: {
          timer: { type: 'timerTrigger', direction: 'in', name: 'timer', schedule: '0 0 0 1 1 *' },
        },
      },
      () => undefined,
    );`,
} as const;
