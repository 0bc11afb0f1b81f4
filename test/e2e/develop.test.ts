import { appendFile, cp, mkdtemp, readFile, rm, stat, symlink, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { processesAt, type TestPlace, testPlace } from '../support/place.ts';
import { type Run, run } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');

/** A checkout that may be edited. */
let checkout: string;
beforeAll(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'checkout-'));
  for (const entry of ['functions', 'shared', 'infra', 'host.json', 'package.json']) {
    await cp(join(root, entry), join(checkout, entry), { recursive: true });
  }
  await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));
});
afterAll(() => rm(checkout, { recursive: true }));

let place: TestPlace;
let started: Run;
beforeEach(async () => {
  place = await testPlace();
});
afterEach(async () => {
  started.child.kill('SIGKILL');
  await place.remove();
});

function start(script: string): Run {
  const args = ['--port-offset', String(place.portOffset), '--data', place.dataDir];
  return run(process.execPath, [join(checkout, 'infra/local', script), ...args], { cwd: checkout });
}

/** Adds a line to a file of the checkout; the answer takes it away again. */
async function append(file: string, line: string): Promise<() => Promise<void>> {
  const path = join(checkout, file);
  const { size } = await stat(path);
  await appendFile(path, `\n${line}\n`);
  return () => truncate(path, size);
}

const statusOf = async (app: 'management' | 'mcp') =>
  (await fetch(`http://127.0.0.1:${place.ports[app]}/health`)).status;

test('an app that fails at load shows its stack and ends npm start, with nothing left', async () => {
  const mend = await append('functions/mcp/app.ts', `throw new TypeError('no wheel');`);
  started = start('start.ts');
  const { code, errors } = await started.ended;
  expect(code).toBe(1);
  expect(errors).toMatch(/^mcp: TypeError: no wheel\nmcp: +at .*\/dist\/app-\w+\.js:\d+:\d+\n/m);
  expect(errors).toMatch(/^npm start: mcp ended with exit code 1: .* failed at load\. Its log: .*mcp\.log$/m);
  expect(processesAt(place)).toEqual([]);
  await mend();
});

test('npm run dev: a save restarts the app that it changes; what cannot run never ends the rest', async () => {
  started = start('dev/main.ts');
  await started.printed(/A save under/);
  const managementBefore = processOf('management');

  await append('functions/mcp/app.ts', `console.log('saved once');`);
  await started.printed(/mcp is ready again, \d+\.\d s after the save\.\n/);
  expect(await readFile(join(place.dataDir, 'logs/mcp.log'), 'utf8')).toMatch(/^saved once$/m);

  const mendBuild = await append('functions/mcp/app.ts', `const const`);
  await started.printed(/Not built\. The apps go on with the code that they have\.\n/);
  expect(await statusOf('mcp')).toBe(200);
  await mendBuild();

  const mendLoad = await append('functions/mcp/app.ts', `throw new TypeError('no wheel');`);
  await started.printed(/mcp does not run until a save makes it start again\.\n/);
  expect(await statusOf('management')).toBe(200);
  await mendLoad();
  await started.printed(/(mcp is ready again[^]*){2}/);
  expect(await statusOf('mcp')).toBe(200);

  expect(processOf('management')).toEqual(managementBefore);
  started.child.kill('SIGINT');
  expect(await started.ended).toMatchObject({ code: 0 });
  expect(processesAt(place)).toEqual([]);
});

const processOf = (app: 'management' | 'mcp') =>
  processesAt(place).filter(({ command }) => command.includes(`--port ${place.ports[app]} `));
