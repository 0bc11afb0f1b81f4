import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compose } from '../../functions/compose/compose.ts';
import { managementRoutes } from '../../functions/management/app.ts';
import { mcpRoutes } from '../../functions/mcp/app.ts';
import { managementTimers } from '../../functions/timers/management.ts';
import { mcpTimers } from '../../functions/timers/mcp.ts';
import { portsFor, signInClientId } from '../../infra/local/defaults.ts';
import { appSettings } from '../../infra/local/settings.ts';
import { stagePackage } from '../../infra/package.ts';
import type { App } from '../../shared/platform/config/config.ts';
import { queues } from '../../shared/platform/config/topology.ts';
import { testConfig } from '../support/config.ts';
import { run } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');

/** Outside of the checkout, so that the package finds no `node_modules`. */
let folder: string;
let staged: readonly string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mreg-package-'));
  staged = await stagePackage(folder);
});
afterAll(() => rm(folder, { recursive: true }));

test('holds the host settings, a manifest without dependencies, and the code of the build without maps', async () => {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  expect(files.map((path) => path.slice(folder.length + 1)).sort()).toEqual(staged);
  const code = (await readdir(join(root, 'dist'))).filter((name) => /\.js(on)?$/.test(name));
  expect(staged).toEqual(['host.json', 'package.json', ...code.map((name) => `dist/${name}`)].sort());
  expect(staged).toEqual(expect.arrayContaining(['dist/build.json', 'dist/main.js', 'dist/schemaWorker.js']));
  expect(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))).toEqual({
    name: 'mcp-registry-gateway',
    version: expect.stringMatching(/^\d/) as string,
    private: true,
    type: 'module',
    main: 'dist/main.js',
  });
});

test('names no source map, and is the build otherwise', async () => {
  const file = 'dist/main.js';
  const [built, packaged] = await Promise.all([root, folder].map((at) => readFile(join(at, file), 'utf8')));
  expect(built).toBe(`${packaged ?? ''}//# sourceMappingURL=main.js.map\n`);
  const code = await Promise.all(
    staged.filter((path) => path.endsWith('.js')).map((path) => readFile(join(folder, path), 'utf8')),
  );
  expect(code.filter((text) => /^\/\/# sourceMappingURL=/m.test(text))).toEqual([]);
});

test('npm run package refuses an option that it does not know', async () => {
  const started = run(process.execPath, [join(root, 'infra/package.ts'), '--foo'], { cwd: folder });
  expect(await started.ended).toEqual({
    code: 1,
    errors: "npm run package: Unknown option '--foo'. Options: none\n",
  });
});

test('is under 2 MB when it is compressed, as it is uploaded', async () => {
  const contents = await Promise.all(staged.map((path) => readFile(join(folder, path))));
  const bytes = contents.reduce((total, content) => total + deflateRawSync(content).length, 0);
  expect(bytes).toBeLessThan(2_000_000);
});

test('has every module that is imported with its first use, and each of them loads', async () => {
  // The worker's entry needs the thread that starts it, and the main entry the host.
  const lazy = staged.filter((path) => /^dist\/(?!main\.|schemaWorker\.).*\.js$/.test(path));
  const code = await Promise.all(
    staged.filter((path) => path.endsWith('.js')).map((path) => readFile(join(folder, path), 'utf8')),
  );
  const named = code.flatMap((text) =>
    Array.from(text.matchAll(/\bimport\("\.\/([^"]+)"\)/g), ([, name]) => name),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(lazy).toEqual(expect.arrayContaining(named.map((name) => `dist/${name}`)));
  const imports = lazy.map((path) => `await import('./${path}');`).join('\n');
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', imports], { cwd: folder });
});

/** The number of functions that the source registers. */
const registered = (app: App): number => {
  const deps = compose(testConfig({ MREG_APP: app, MREG_SIGN_IN_CLIENT_ID: signInClientId }));
  const own = queues.filter((queue) => queue.app === app).length;
  const [routes, timers] =
    app === 'mcp' ? [mcpRoutes(deps), mcpTimers(deps)] : [managementRoutes(deps), managementTimers(deps)];
  const fallback = 1;
  return routes.length + fallback + own + timers.length;
};

test.each(['management', 'mcp'] as const)(
  'starts as the %s app with nothing beside it, and registers every function',
  async (app) => {
    const nobody = 1;
    const ports = { ...portsFor(0), serviceBus: nobody, blob: nobody, queue: nobody, table: nobody };
    const host = run(
      process.execPath,
      [join(root, 'infra/local/functionsHost.ts'), '--root', folder, '--port', '0'],
      { cwd: folder, env: { ...process.env, ...appSettings(app, ports) } },
    );
    try {
      const line = /Functions host on (\S+): (\d+) functions/.exec(await host.printed(/\n/));
      expect(Number(line?.[2])).toBe(registered(app));
      expect((await fetch(`${line?.[1] ?? ''}/health`)).status).toBe(200);
    } finally {
      host.child.kill();
      if (host.child.exitCode === null) await once(host.child, 'exit');
    }
  },
);
