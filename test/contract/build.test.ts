import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildApps, type BuildOptions } from '../../infra/build.ts';
import { libraryPatches } from '../../infra/libraryPatches.ts';
import { LocalError } from '../../infra/local/localError.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);

let folder: string;
let outDir: string;
beforeEach(async () => {
  // Inside the checkout, so that packages are found.
  await mkdir(join(root, '.local'), { recursive: true });
  folder = await mkdtemp(join(root, '.local/build-test-'));
  outDir = join(folder, 'dist');
});
afterEach(() => rm(folder, { recursive: true }));

async function bundle(code: string, packages: BuildOptions['packages'] = 'bundle'): Promise<void> {
  const entry = join(folder, 'entry.ts');
  await writeFile(entry, code);
  await buildApps({ entries: { main: entry }, outDir, packages });
}

/** Returns what esbuild says about code that it cannot build. It has printed that, so the error has one line. */
async function problemsOf(code: string): Promise<string> {
  const error: unknown = await bundle(code).catch((thrown: unknown) => thrown);
  if (!(error instanceof LocalError)) throw new Error('no LocalError', { cause: error });
  expect(error.message).toBe('Build failed with 1 error');
  return String(error.cause);
}

test('what is imported when needed is a chunk of its own, and runs without node_modules', async () => {
  await bundle(`
    import { z } from 'zod';
    console.log(typeof z.string);
    const { ServiceBusClient } = await import('@azure/service-bus');
    console.log(typeof ServiceBusClient);
  `);
  const files = (await readdir(outDir)).filter((file) => file.endsWith('.js'));
  expect(files).toContain('main.js');
  expect(files.length).toBeGreaterThan(1);
  const { stdout } = await run(process.execPath, [join(outDir, 'main.js')]);
  expect(stdout).toBe('function\nfunction\n');
});

test('nothing of an earlier build is left', async () => {
  await bundle(`await import('jose');`);
  await bundle(`console.log('alone');`);
  expect((await readdir(outDir)).sort()).toEqual(['build.json', 'main.js', 'main.js.map']);
});

test('a build says which one it is: the same of the same code, another of other code', async () => {
  const built = async (code: string) => {
    await bundle(code);
    return JSON.parse(await readFile(join(outDir, 'build.json'), 'utf8')) as Record<string, string>;
  };
  const [one, two, again] = [
    await built(`console.log('one');`),
    await built(`console.log('two');`),
    await built(`console.log('one');`),
  ];
  expect(again).toEqual(one);
  expect(two).toEqual({ ...one, build: two['build'] });
  expect(two['build']).not.toBe(one['build']);
  expect(one['build']).toMatch(/^[0-9a-f]{16}$/);
  expect(one['version']).toMatch(/^\d+\.\d+\.\d+/);
});

test('a build that fails says why, and leaves what was there', async () => {
  await bundle(`console.log('good');`);
  expect(await problemsOf(`import './missing.ts';`)).toContain('Could not resolve "./missing.ts"');
  expect((await readdir(outDir)).sort()).toEqual(['build.json', 'main.js', 'main.js.map']);
});

test('a CommonJS package must not be imported lazily: its names would be missing', async () => {
  await expect(bundle(`await import('ioredis');`)).rejects.toThrow(
    /import node_modules\/ioredis\/built\/index.js statically/,
  );
});

test('of undici the bundle holds the parts that the gateway uses, and the import of another part fails', async () => {
  await bundle(
    `import { Agent, errors } from 'undici'; console.log(typeof Agent, typeof errors.BodyTimeoutError);`,
  );
  expect((await stat(join(outDir, 'main.js'))).size).toBeLessThan(800_000);
  const { stdout } = await run(process.execPath, [join(outDir, 'main.js')]);
  expect(stdout).toBe('function function\n');
  expect(await problemsOf(`import { fetch } from 'undici'; await fetch('');`)).toMatch(
    /No matching export .* for import "fetch"/,
  );
});

test('what a call of a function leaves behind is in no WeakMap, which only a full collection would empty', async () => {
  await bundle(`
    import { app } from '@azure/functions';
    app.http('hello', { handler: () => ({ body: 'hello' }) });
  `);
  const code = await readFile(join(outDir, 'main.js'), 'utf8');
  expect(code).toContain('HttpRequest = class');
  expect(code).not.toContain('WeakMap');
});

test.each(['bundle', 'external'] as const)(
  'the Functions library has every patch (packages: %s)',
  async (packages) => {
    await bundle(`import { app } from '@azure/functions'; app.setup({ enableHttpStream: true });`, packages);
    const code = await readFile(join(outDir, 'main.js'), 'utf8');
    const used = libraryPatches.flatMap(({ uses }) => Object.keys(uses));
    expect(used.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([]);
  },
);
