import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { localTarget } from '../../infra/deploy/local/localTarget.ts';
import { portsFor } from '../../infra/local/defaults.ts';
import { controlFile, type DeployedApps, serveDeployments } from '../../infra/local/deployments.ts';
import { LocalError } from '../../infra/local/localError.ts';
import type { ProcessSpec } from '../../infra/local/localProcess.ts';
import { run } from '../support/run.ts';

let dataDir: string;
let apps: DeployedApps;
let acts: string[];
let failure: Error | undefined;
let holdStart: Promise<unknown> | undefined;
let url: string;
let token: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'control-'));
  acts = [];
  failure = undefined;
  holdStart = undefined;
  const group = {
    start: async ({ name, command }: ProcessSpec) => {
      acts.push(`start ${name} ${command[command.indexOf('--root') + 1] ?? ''}`);
      await setImmediate();
      await holdStart;
      if (failure) throw failure;
      acts.push(`ready ${name}`);
    },
    end: (name: string) => {
      acts.push(`end ${name}`);
      return Promise.resolve();
    },
  };
  const state = { kind: 'tables', reason: 'test' } as const;
  const place = { ports: portsFor(0), dataDir, appRoot: '/checkout', state, settings: {}, settingsOf: {} };
  apps = await serveDeployments(group, place);
  const control = JSON.parse(await readFile(controlFile(dataDir), 'utf8')) as { port: number; token: string };
  url = `http://127.0.0.1:${control.port}`;
  token = control.token;
});
afterEach(async () => {
  await apps.close();
  await rm(dataDir, { recursive: true });
});

const post = (path: string, authorization = `Bearer ${token}`) =>
  fetch(url + path, { method: 'POST', headers: { authorization } });

test('an app starts from its package folder, after the one that ran has stopped', async () => {
  expect((await post('/apps/mcp/start')).status).toBe(200);
  expect(acts).toEqual(['end mcp', `start mcp ${join(dataDir, 'deployment/mcp/current')}`, 'ready mcp']);
});

test('an app that does not become ready is stopped, and the answer says why', async () => {
  failure = new LocalError('mcp ended with exit code 1');
  const response = await post('/apps/mcp/start');
  expect([response.status, await response.text()]).toEqual([500, 'mcp ended with exit code 1']);
  expect(acts.at(-1)).toBe('end mcp');
});

describe('npm run deploy asks the topology before it begins', () => {
  const START =
    'No local topology takes deployments. Start one: npm start -- --without-apps --port-offset 7 --data ';
  const validate = () => localTarget({ environment: 'local', portOffset: 7, dataDir }).validate();

  test('one that runs answers, also while an app starts', async () => {
    const ready = Promise.withResolvers<undefined>();
    holdStart = ready.promise;
    const starting = post('/apps/mcp/start');
    await expect.poll(() => acts.length).toBe(2);
    // The token issuer is a process of its own, and is asked next.
    await expect(validate()).rejects.toThrow('No token issuer answers');
    ready.resolve(undefined);
    expect((await starting).status).toBe(200);
  });

  test('one that was stopped leaves no file behind', async () => {
    await apps.close();
    await expect(validate()).rejects.toThrow(START + dataDir);
    await expect(stat(controlFile(dataDir))).rejects.toThrow('ENOENT');
  });

  test('one that was killed leaves a file behind, and nothing answers', async () => {
    const left = await readFile(controlFile(dataDir));
    await apps.close();
    await writeFile(controlFile(dataDir), left);
    await expect(validate()).rejects.toThrow(START + dataDir);
  });

  test('another program that has the port of one that was killed is not asked to deploy', async () => {
    await writeFile(controlFile(dataDir), JSON.stringify({ port: Number(new URL(url).port), token: 'old' }));
    await expect(validate()).rejects.toThrow(START + dataDir);
  });
});

test('npm run smoke says that nothing is deployed, and how to deploy', async () => {
  const smokeMain = join(import.meta.dirname, '../../infra/deploy/smokeMain.ts');
  const at = ['--port-offset', '7', '--data', dataDir];
  const smoked = run(process.execPath, [smokeMain, '--environment', 'local', ...at], { cwd: tmpdir() });
  const { code, errors } = await smoked.ended;
  expect([code, errors]).toEqual([
    1,
    `npm run smoke: nothing is deployed: npm run deploy -- --environment local --port-offset 7 --data ${basename(dataDir)}\n`,
  ]);
});

test('requests are handled one after another', async () => {
  await Promise.all([post('/apps/mcp/start'), post('/apps/mcp/start')]);
  expect(acts.map((act) => act.split(' ')[0])).toEqual(['end', 'start', 'ready', 'end', 'start', 'ready']);
});

test('only a process that can read the file of the token may start and stop', async () => {
  expect((await post('/apps/mcp/stop', 'Bearer guess')).status).toBe(401);
  expect(acts).toEqual([]);
  if (process.platform !== 'win32') expect((await stat(controlFile(dataDir))).mode & 0o077).toBe(0);
});

test.each(['/apps/issuer/stop', '/apps/mcp/delete', '/apps/../mcp/stop'])('%s is not known', async (path) => {
  expect((await post(path)).status).toBe(404);
  expect(acts).toEqual([]);
});

test('who has no token is refused at once, also while an app starts', async () => {
  const starting = Promise.withResolvers<undefined>();
  holdStart = starting.promise;
  const started = post('/apps/mcp/start');
  await expect.poll(() => acts.length).toBe(2);
  expect((await post('/apps/mcp/stop', 'Bearer guess')).status).toBe(401);
  starting.resolve(undefined);
  expect((await started).status).toBe(200);
});
