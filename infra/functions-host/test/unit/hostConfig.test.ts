import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readHostConfig, resolveSettings } from '../../src/hostConfig.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'host-config-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

async function read(files: Readonly<Record<string, unknown>>, environment: Record<string, string> = {}) {
  for (const [name, content] of Object.entries(files)) {
    await writeFile(path.join(root, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return await readHostConfig(root, environment);
}

test('what host.json leaves out has the values of Azure', async () => {
  expect(await read({ 'package.json': {}, 'host.json': { version: '2.0' } })).toEqual({
    entryPoint: path.join(root, 'dist/main.js'),
    routePrefix: 'api',
    logLevel: 'information',
    functionTimeoutMs: 30 * 60_000,
    serviceBus: { maxConcurrentCalls: 16, maxLockRenewalMs: 5 * 60_000 },
    settings: {},
  });
});

test('host.json is read as Azure reads it: time spans, and what is not known here is passed over', async () => {
  const host = {
    version: '2.0',
    functionTimeout: '1.02:03:04',
    extensionBundle: { id: 'any' },
    logging: { logLevel: { default: 'Warning' }, applicationInsights: {} },
    extensions: {
      http: { routePrefix: '' },
      serviceBus: {
        autoCompleteMessages: true,
        maxConcurrentCalls: 2,
        maxAutoLockRenewalDuration: '00:00:30',
      },
    },
  };
  expect(await read({ 'package.json': { main: 'out/app.js' }, 'host.json': host })).toMatchObject({
    entryPoint: path.join(root, 'out/app.js'),
    routePrefix: '',
    logLevel: 'warning',
    functionTimeoutMs: ((26 * 60 + 3) * 60 + 4) * 1000,
    serviceBus: { maxConcurrentCalls: 2, maxLockRenewalMs: 30_000 },
  });
});

test('functionTimeout -1 is no timeout', async () => {
  const config = await read({ 'package.json': {}, 'host.json': { version: '2.0', functionTimeout: '-1' } });
  expect(config.functionTimeoutMs).toBeUndefined();
});

test('local settings fill in what the environment does not say', async () => {
  const files = {
    'package.json': {},
    'host.json': { version: '2.0' },
    'local.settings.json': { IsEncrypted: false, Values: { A: 'file', B: 'file' }, Host: { CORS: '*' } },
  };
  expect((await read(files, { B: 'environment' })).settings).toEqual({ A: 'file', B: 'environment' });
});

test('all problems of all files are named together, without a value', async () => {
  const reading = read({
    'package.json': '{"main": secret',
    'host.json': {
      version: '1.0',
      functionTimeout: 'secret',
      extensions: { serviceBus: { autoCompleteMessages: false, maxConcurrentCalls: 0 } },
    },
    'local.settings.json': { IsEncrypted: true, Values: { KEY: { nested: 'secret' } } },
  });
  const { message } = await reading.then(
    () => expect.unreachable(),
    (error: unknown) => error as Error,
  );
  for (const named of [
    'package.json',
    'host.json: version',
    'functionTimeout',
    'autoCompleteMessages',
    'maxConcurrentCalls',
    'local.settings.json: IsEncrypted',
    'Values.KEY',
  ]) {
    expect(message).toContain(named);
  }
  expect(message).not.toContain('secret');
});

test('a missing host.json is named', async () => {
  await expect(read({ 'package.json': {} })).rejects.toThrow('host.json: cannot be read');
});

test('a setting is put in place of its name, and a missing one is named', () => {
  expect(resolveSettings('q-%A%-%B%', { A: '1', B: '2' })).toBe('q-1-2');
  expect(() => resolveSettings('%C%', {})).toThrow('the setting C');
});
