import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { run } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');

let checkout: string;
beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'checkout-'));
  await mkdir(join(checkout, 'infra/local'), { recursive: true });
  await writeFile(join(checkout, 'package.json'), '{"type":"module"}');
  await cp(join(root, 'infra/local/requireInstall.js'), join(checkout, 'infra/local/requireInstall.js'));
  await writeFile(join(checkout, 'infra/local/start.js'), 'console.log("started")');
});
afterEach(() => rm(checkout, { recursive: true }));

async function start(nodeOptions: readonly string[] = [], script = 'start'): Promise<string> {
  const args = [...nodeOptions, '--import', './infra/local/requireInstall.js', 'infra/local/start.js'];
  const env = { ...process.env, npm_lifecycle_event: script };
  const started = run(process.execPath, args, { cwd: checkout, env });
  const [{ code, errors }, output] = await Promise.all([started.ended, started.printed(/\n/)]);
  return `${String(code)} ${errors}${output}`;
}

async function install(): Promise<void> {
  await mkdir(join(checkout, 'node_modules/azurite'), { recursive: true });
  await writeFile(join(checkout, 'node_modules/azurite/package.json'), '{}');
}

test('a checkout without packages says so in one line', async () => {
  expect(await start()).toBe(
    '1 npm start: The packages of the project are not installed. Run this first: npm ci\n',
  );
  expect(await start([], 'dev')).toMatch(/^1 npm run dev: The packages/);
});

test('a Node that cannot run TypeScript says how to get the own one', async () => {
  await install();
  expect(await start(['--no-experimental-strip-types'])).toMatch(
    /^1 npm start: Node [\d.]+ cannot run the project, .* run this: npm ci --ignore-scripts=false\n$/,
  );
});

test('a checkout with packages starts', async () => {
  await install();
  expect(await start()).toBe('0 started\n');
});

test('the check of the whole project says so too', async () => {
  await writeFile(
    join(checkout, 'package.json'),
    JSON.stringify({ type: 'module', scripts: { check: packageJson.scripts.check } }),
  );
  const checked = run('npm', ['run', '--silent', 'check'], { cwd: checkout });
  const { code, errors } = await checked.ended;
  expect([code, errors]).toEqual([
    1,
    'npm run check: The packages of the project are not installed. Run this first: npm ci\n',
  ]);
});

test('each script that runs TypeScript checks this first', () => {
  const programs = Object.values(packageJson.scripts).filter((script) => /^node [^&]*\.ts$/.test(script));
  expect(programs.length).toBeGreaterThan(3);
  for (const program of programs)
    expect(program).toMatch(/^node --import \.\/infra\/local\/requireInstall\.js /);
});
