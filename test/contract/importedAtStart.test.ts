import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildApps } from '../../infra/build.ts';

let folder: string;
let outputs: Metafile['outputs'];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mreg-build-'));
  ({
    metafile: { outputs },
  } = await buildApps({ outDir: folder }));
});
afterAll(() => rm(folder, { recursive: true }));

/** Returns the files of the build that the host waits for when it starts an app. */
function importedAtStart(app: 'management' | 'mcp'): ReadonlySet<string> {
  const entries = ['functions/main.ts', `functions/${app}/app.ts`];
  const waiting = Object.keys(outputs).filter((file) => entries.includes(outputs[file]?.entryPoint ?? ''));
  expect(waiting).toHaveLength(entries.length);
  const found = new Set<string>();
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    const imports = outputs[file]?.imports ?? [];
    waiting.push(
      ...imports
        .filter(({ kind, external }) => kind === 'import-statement' && !external)
        .map(({ path }) => path),
    );
  }
  return found;
}

/** Returns the packages whose code is in these files. */
function packagesIn(files: ReadonlySet<string>): readonly string[] {
  const inputs = [...files].flatMap((file) => Object.entries(outputs[file]?.inputs ?? {}));
  const names = inputs
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => [...path.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)].at(-1)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

/** Only some calls need these. They are imported with their first use, so that no start waits for them. */
const needed = [
  '@azure/data-tables',
  '@azure/msal-common',
  '@azure/msal-node',
  '@azure/service-bus',
  '@cfworker/json-schema',
  'ioredis',
  'oauth4webapi',
  'rhea',
];

test.each(['management', 'mcp'] as const)(
  'the %s app starts without the packages that only some calls need',
  (app) => {
    const packages = packagesIn(importedAtStart(app));
    expect(packages).toEqual(expect.arrayContaining(['@azure/functions', 'jose', 'undici', 'zod']));
    expect(packages.filter((name) => needed.includes(name))).toEqual([]);
  },
);

test('no build has the second HTTP parser of undici, which nothing uses', () => {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  expect(inputs.filter((path) => path.includes('/undici/lib/llhttp/'))).not.toEqual([]);
  expect(inputs.filter((path) => /\/undici\/lib\/(?:milo\/|dispatcher\/parser-h1)/.test(path))).toEqual([]);
});

test('all of these packages are in the build', () => {
  expect(packagesIn(new Set(Object.keys(outputs)))).toEqual(expect.arrayContaining(needed));
});

test('the mcp app starts with less than 1.8 MB of code, which the start has to compile', () => {
  const bytes = [...importedAtStart('mcp')].reduce((total, file) => total + (outputs[file]?.bytes ?? 0), 0);
  expect(bytes).toBeLessThan(1_800_000);
});
