import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { portsFor } from '../../../infra/local/defaults.ts';
import { appProcesses, groundProcesses } from '../../../infra/local/processes.ts';
import { chooseState, type StateChoice } from '../../../infra/local/redis.ts';
import { writeFakeRedis } from '../../support/fakeRedis.ts';

let folder: string;
let path: Record<'redis' | 'notExecutable' | 'empty', string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'path-'));
  const inside = (name: string) => join(folder, name);
  path = { redis: inside('redis'), notExecutable: inside('notExecutable'), empty: inside('empty') };
  for (const each of Object.values(path)) await mkdir(each);
  await writeFakeRedis(path.redis);
  await writeFile(join(path.notExecutable, 'redis-server'), '');
});
afterAll(() => rm(folder, { recursive: true }));

const server = createServer();
const usedPort = (): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve((server.address() as AddressInfo).port);
    });
  });

test('Redis is taken where a folder of the PATH has a redis-server that can be run', async () => {
  const redis = await usedPort();
  const search = [path.empty, path.notExecutable, path.redis].join(delimiter);
  expect(await chooseState({ redis }, search)).toEqual({
    kind: 'tables',
    reason: `port ${redis}, which Redis would need, is taken`,
  });
  await new Promise((resolve) => server.close(resolve));
  expect(await chooseState({ redis }, search)).toEqual({
    kind: 'redis',
    program: join(path.redis, 'redis-server'),
  });
});

test.each(['empty', 'notExecutable'] as const)('else the tables: a PATH that is %s', async (kind) => {
  expect(await chooseState({ redis: 0 }, path[kind])).toEqual({
    kind: 'tables',
    reason: 'no redis-server on the PATH',
  });
});

test('the apps are told of the Redis that was started for them, and of no other', () => {
  const place = { ports: portsFor(100), dataDir: '/data', appRoot: '/app', settings: {}, settingsOf: {} };
  vi.stubEnv('MREG_REDIS_URL', 'redis://elsewhere');
  const urls = (state: StateChoice) =>
    appProcesses({ ...place, state }).map(({ env }) => env['MREG_REDIS_URL']);
  const names = (state: StateChoice) => groundProcesses({ ...place, state }).map(({ name }) => name);
  const redis = { kind: 'redis', program: '/bin/redis-server' } as const;
  const tables = { kind: 'tables', reason: 'none' } as const;

  expect(urls(redis)).toEqual(['redis://127.0.0.1:6479', 'redis://127.0.0.1:6479']);
  expect(urls(tables)).toEqual([undefined, undefined]);
  expect(names(redis)).toEqual([...names(tables), 'redis']);
  vi.unstubAllEnvs();
});
