import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openBuild } from '../../infra/build.ts';
import { type DevLoop, devLoop } from '../../infra/local/dev/devLoop.ts';
import { LocalError } from '../../infra/local/localError.ts';

const root = join(import.meta.dirname, '../..');

/** Two apps in small, laid out as the real ones. */
const sources = {
  'functions/main.ts': `
    import { both } from '../shared/both.ts';
    console.log(both);
    await (process.env.MREG_APP === 'mcp' ? import('./mcp/app.ts') : import('./management/app.ts'));`,
  'functions/management/app.ts': `export const load = () => import('../../shared/lazy.ts');`,
  'functions/mcp/app.ts': `
    import { one } from '../../shared/one.ts';
    console.log(one);
    export const load = () => import('../../shared/lazy.ts');`,
  'shared/both.ts': `export const both = 1;`,
  'shared/one.ts': `export const one = 1;`,
  'shared/lazy.ts': `export const lazy = 1;`,
};

let folder: string;
let loop: DevLoop;
let said: string[];
let restarted: string[];
let restart: (app: string) => Promise<void>;

beforeEach(async () => {
  // Inside the checkout, as the real ones are.
  await mkdir(join(root, '.local'), { recursive: true });
  folder = await mkdtemp(join(root, '.local/dev-test-'));
  for (const [file, text] of Object.entries(sources)) await write(file, text);
  said = [];
  restarted = [];
  restart = () => Promise.resolve();
  const build = await openBuild({
    entries: { main: join(folder, 'functions/main.ts') },
    outDir: join(folder, 'dist'),
  });
  const sourceFolders = ['functions', 'shared'].map((each) => join(folder, each));
  loop = devLoop(build, sourceFolders, (line) => said.push(line));
  await loop.firstBuild();
  void loop.restartOnSave((app) => {
    restarted.push(app);
    return restart(app);
  });
});
afterEach(async () => {
  await loop.close();
  await rm(folder, { recursive: true });
});

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), text);
}

/** As many editors do it: the file is replaced by another. */
async function save(file: string, text: string): Promise<void> {
  await write(`${file}~`, text);
  await rename(join(folder, `${file}~`), join(folder, file));
}

/** The apps that were restarted by the time this was said. */
async function restartedOnce(saying: RegExp): Promise<string[]> {
  await vi.waitUntil(() => said.some((line) => saying.test(line)), { timeout: 10_000 });
  said.length = 0;
  return restarted.splice(0).sort();
}

test.each([
  { file: 'functions/mcp/app.ts', apps: ['mcp'], why: 'an app itself' },
  { file: 'functions/management/app.ts', apps: ['management'], why: 'the other app' },
  { file: 'shared/one.ts', apps: ['mcp'], why: 'what one app alone imports' },
  { file: 'shared/both.ts', apps: ['management', 'mcp'], why: 'what their entry imports' },
  { file: 'shared/lazy.ts', apps: ['management', 'mcp'], why: 'what both import when needed' },
] as const)('saving $why restarts $apps', async ({ file, apps }) => {
  await save(file, `${sources[file]}\nconsole.log('changed');`);
  expect(await restartedOnce(/is ready again, \d\.\d s after the save/)).toEqual(apps);
});

test('a comment restarts nothing', async () => {
  await save('shared/both.ts', `// What this is.\n${sources['shared/both.ts']}`);
  expect(await restartedOnce(/Nothing that an app runs has changed/)).toEqual([]);
});

test('every save counts, in place or not, and in folders that are new', async () => {
  for (const value of [2, 3]) {
    await save('shared/one.ts', `export const one = ${value};`);
    expect(await restartedOnce(/mcp is ready/)).toEqual(['mcp']);
    await write('shared/one.ts', `export const one = ${value}0;`);
    expect(await restartedOnce(/mcp is ready/)).toEqual(['mcp']);
  }
  await save('shared/one.ts', `export { one } from './deep/er/one.ts';`);
  expect(await restartedOnce(/Not built/)).toEqual([]);
  await write('shared/deep/er/one.ts', `export const one = 4;`);
  expect(await restartedOnce(/mcp is ready/)).toEqual(['mcp']);
  await write('shared/deep/er/one.ts', `export const one = 5;`);
  expect(await restartedOnce(/mcp is ready/)).toEqual(['mcp']);
});

test('code that cannot be built leaves the apps as they are, until it is mended', async () => {
  await save('shared/both.ts', `export const both = ;`);
  expect(await restartedOnce(/The apps go on/)).toEqual([]);
  await save('shared/both.ts', `export const both = 2;`);
  expect(await restartedOnce(/is ready again/)).toEqual(['management', 'mcp']);
});

test('an app that does not start is started by the next save, whatever that changes', async () => {
  restart = () => Promise.reject(new LocalError('mcp ended with exit code 1: no wheel'));
  await save('shared/one.ts', `throw new Error('no wheel'); export const one = 1;`);
  expect(await restartedOnce(/no wheel/)).toEqual(['mcp']);
  restart = () => Promise.resolve();
  await save('functions/management/app.ts', `${sources['functions/management/app.ts']}\n// Again.`);
  expect(await restartedOnce(/mcp is ready/)).toEqual(['mcp']);
});
