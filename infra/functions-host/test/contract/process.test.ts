import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  buildSample,
  type BuiltSample,
  type SampleHost,
  startSampleHost,
  textOf,
  writeHostJson,
} from '../support/sampleHost.ts';

let sample: BuiltSample;
const running = new Set<SampleHost>();

beforeAll(async () => {
  sample = await buildSample();
});
afterAll(async () => {
  await sample.remove();
});
afterEach(async () => {
  await Promise.all([...running].map((host) => host.stop('SIGKILL')));
  running.clear();
  await writeHostJson(sample.root);
});

async function start(env: NodeJS.ProcessEnv, args: readonly string[] = []): Promise<SampleHost> {
  const host = await startSampleHost(sample.root, { env: { SAMPLE_STREAMING: 'on', ...env }, args });
  running.add(host);
  return host;
}

/** What is left of a start that fails. */
async function failure(
  env: NodeJS.ProcessEnv,
  args: readonly string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  return await start(env, args).then(
    () => expect.unreachable('the host started'),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
}

test('a host that is ready says so in one line', async () => {
  const host = await start({ SAMPLE_FUNCTIONS: 'hooks' });
  expect(host.output().stdout).toBe(`Functions host on http://127.0.0.1:${host.port}: 2 functions\n`);
  expect(host.output().stderr).toBe('');
});

test('it listens on this machine only', async () => {
  const host = await start({ SAMPLE_FUNCTIONS: 'hooks' });
  const elsewhere = net.connect({ port: host.port, host: '127.0.0.2' });
  await expect(once(elsewhere, 'connect')).rejects.toThrow('ECONNREFUSED');
});

test('a taken port is named, with exit code 1', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  expect(await failure({ SAMPLE_FUNCTIONS: 'hooks' }, ['--port', String(port)])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: `Functions host: port ${port} is already in use\n`,
  });
  server.close();
});

test('an app that throws at load shows its stack, with exit code 1', async () => {
  const { code, stderr } = await failure({ SAMPLE_FUNCTIONS: 'http,broken' });
  expect(code).toBe(1);
  expect(stderr).toContain('Error: this app is broken on purpose\n    at ');
  expect(stderr).toMatch(/Functions host: .*main\.js failed at load\n$/);
});

test.each([
  { env: {}, args: [], says: 'no functions found in', why: 'an app without functions' },
  {
    env: {},
    args: ['--root', '/nowhere'],
    says: '/nowhere: package.json: cannot be read; host.json',
    why: 'no app',
  },
  { env: {}, args: ['--serving', 'both'], says: 'usage: ', why: 'a bad option' },
  { env: {}, args: ['--port', 'eight'], says: 'usage: ', why: 'a bad port' },
  { env: {}, args: ['--color'], says: "Unknown option '--color'", why: 'an unknown option' },
])('$why is one clear line, with exit code 1', async ({ env, args, says }) => {
  const { code, stdout, stderr } = await failure(env, args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(says);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

test('functions that Azure or this host would not run are named, and the others run', async () => {
  const host = await start({ SAMPLE_FUNCTIONS: 'errors' });
  const inError = [...host.output().stderr.matchAll(/^Function (\w+) is in error and does not run: /gm)];
  expect(inError.map(([, name]) => name).toSorted()).toEqual([
    'adminRoute',
    'badSchedule',
    'noConnection',
    'otherTrigger',
    'runsToo',
    'topic',
    'unknownConstraint',
  ]);
  expect(host.output().stdout).toContain(': 1 function\n');
  expect(await host.send({ path: '/runs' })).toMatchObject({ status: 200, body: 'runs' });
});

test('hooks run around the app and each invocation, and may change its outcome and its log lines', async () => {
  const host = await start({ SAMPLE_FUNCTIONS: 'hooks' });
  expect(await host.reported('appStart')).toEqual({ started: true });
  expect(await host.send({ path: '/hooked' })).toMatchObject({ status: 200, body: 'hooked' });
  expect(await host.reported('postInvocation')).toMatchObject({
    hookData: { from: 'preInvocation' },
    error: false,
  });
  await host.complained('hooked: a warning of the function');
  expect(await host.send({ path: '/forgiven' })).toMatchObject({ status: 200, body: 'replaced by a hook' });
  await host.stop();
  expect(await host.reported('appTerminate')).toEqual({ started: true });
});

test('the route prefix and the log level of host.json hold', async () => {
  await writeHostJson(sample.root, { extensions: {}, logging: { logLevel: { default: 'Error' } } });
  const host = await start({ SAMPLE_FUNCTIONS: 'hooks' });
  expect((await host.send({ path: '/api/hooked' })).status).toBe(200);
  expect((await host.send({ path: '/hooked' })).status).toBe(404);
  await host.stop();
  expect(host.output().stderr).toBe('');
});

test('the values of local.settings.json reach the app, under those of the environment', async () => {
  const file = path.join(sample.root, 'local.settings.json');
  await writeFile(file, JSON.stringify({ Values: { SAMPLE_FUNCTIONS: 'hooks', SAMPLE_STREAMING: 'off' } }));
  const host = await startSampleHost(sample.root, { env: { SAMPLE_STREAMING: 'on' } });
  running.add(host);
  await writeFile(file, '{}');
  expect((await host.send({ path: '/hooked' })).headers['x-ms-invocation-id']).toBeDefined();
});

/** Calls a function that ends when the host's process gets a message, on a connection that is to be kept. */
async function park(
  host: SampleHost,
): Promise<{ request: http.ClientRequest; answer: Promise<http.IncomingMessage> }> {
  const agent = new http.Agent({ keepAlive: true });
  const request = http.get({ agent, port: host.port, host: '127.0.0.1', path: '/parked' });
  const answer = once(request, 'response').then(([response]: unknown[]) => response as http.IncomingMessage);
  await host.reported('parked');
  return { request, answer };
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  'on %s a host refuses new calls, lets running ones finish, and exits with 0',
  async (signal) => {
    const host = await start({ SAMPLE_FUNCTIONS: 'http' });
    const { answer } = await park(host);
    host.child.kill(signal);
    await refused(host.port);
    host.child.send({ type: 'go on' });
    const response = await answer;
    expect(response.headers.connection).toBe('close');
    expect(await textOf(response)).toBe('went on');
    expect(await host.stop(signal)).toBe(0);
  },
);

test('a function whose client has left is let finish too', async () => {
  const host = await start({ SAMPLE_FUNCTIONS: 'http' });
  const { request, answer } = await park(host);
  request.destroy();
  await expect(answer).rejects.toThrow('socket hang up');
  const exited = once(host.child, 'exit');
  host.child.kill();
  await refused(host.port);
  host.child.send({ type: 'go on' });
  await host.reported('went on');
  expect(await exited).toEqual([0, null]);
});

test('a call that does not end holds the host up for a bounded time', async () => {
  const host = await start({ SAMPLE_FUNCTIONS: 'http' });
  const { answer } = await park(host);
  const cut = expect(answer).rejects.toThrow('socket hang up');
  expect(await host.stop()).toBe(0);
  await cut;
  expect(host.output().stderr).toContain('stopped with invocations still running: 1');
});

test('an exception outside of any function ends the host, with its stack and exit code 1', async () => {
  const host = await start({ SAMPLE_FUNCTIONS: 'http' });
  await expect(host.send({ path: '/crashes' })).rejects.toThrow('socket hang up');
  expect(await host.stop()).toBe(1);
  expect(host.output().stderr).toContain('Error: thrown outside of any function\n    at ');
});

test('a host whose parent is gone stops', async () => {
  const host = await start({ SAMPLE_FUNCTIONS: 'hooks' });
  host.child.disconnect();
  expect(await once(host.child, 'exit')).toEqual([0, null]);
});

/** Resolves once nothing accepts connections at the port. */
async function refused(port: number): Promise<void> {
  for (;;) {
    const socket = net.connect({ port, host: '127.0.0.1' });
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (!connected) return;
  }
}
