import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LocalError } from '../../infra/local/localError.ts';
import { isFree } from '../../infra/local/ports.ts';
import { processGroup } from '../../infra/local/processGroup.ts';
import { startTopology, type Topology } from '../../infra/local/topology.ts';
import { managementApi } from '../support/managementApi.ts';
import { processesAt, type TestPlace, testPlace } from '../support/place.ts';
import { badTokens, powerlessTokens, tokenSource } from '../support/tokens.ts';

describe('a topology', () => {
  let place: TestPlace;
  let topology: Topology;
  const restarts: string[] = [];
  beforeAll(async () => {
    place = await testPlace();
    topology = await startTopology({ ...place, onRestart: (line) => restarts.push(line) });
  });
  afterAll(async () => {
    await topology.stop();
    expect(processesAt(place)).toEqual([]);
    await place.remove();
  });

  const listServers = async (token: string) =>
    (await fetch(`${topology.urls.management}/servers`, { headers: { Authorization: `Bearer ${token}` } }))
      .status;

  test('lets in whom its issuer vouches for, and nobody else', async () => {
    const source = await tokenSource(place.dataDir, topology.urls.issuer);
    const answers = (tokens: typeof badTokens) =>
      Promise.all(tokens.map(async ({ name, make }) => [name, await listServers(await make(source))]));

    expect(await listServers(await topology.mint({ role: 'Admin' }))).toBe(200);
    expect(await answers(badTokens)).toEqual(badTokens.map(({ name }) => [name, 401]));
    expect(await answers(powerlessTokens)).toEqual(powerlessTokens.map(({ name }) => [name, 403]));
  });

  test('keeps what it knows when every process is killed and started again', async () => {
    const token = await topology.mint({ role: 'Admin' });
    const register = async () => {
      const response = await fetch(`${topology.urls.management}/servers`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ slug: 'kept', url: 'http://127.0.0.1:1/mcp' }),
      });
      return response.status;
    };
    expect(await register()).toBe(202);

    await topology.kill('mcp');
    await expect(fetch(`${topology.urls.mcp}/health`)).rejects.toThrow();
    for (const name of ['mcp', 'issuer', 'azurite', 'management'] as const) await topology.restart(name);
    expect((await fetch(`${topology.urls.mcp}/health`)).status).toBe(200);
    expect(await register()).toBe(409);
  });

  describe('starts a process again that dies', () => {
    const programs = {
      azurite: 'azurite.js',
      issuer: 'issuer/main.ts',
      serviceBus: 'local/serviceBus.ts',
      management: 'functionsHost.ts --port PORT',
      mcp: 'functionsHost.ts --port PORT',
    } as const;

    /** Kills it as the system would, and waits until it is back. */
    async function die(name: keyof typeof programs): Promise<void> {
      const port = topology.ports[name === 'azurite' ? 'table' : name];
      const program = programs[name].replace('PORT', String(port));
      const found = processesAt(place).find(({ command }) => command.includes(program));
      restarts.length = 0;
      process.kill(found?.pid ?? expect.unreachable(name), 'SIGKILL');
      await expect.poll(() => restarts, { timeout: 10_000 }).toHaveLength(1);
      expect(restarts[0]).toMatch(
        new RegExp(`^${name} was ended by SIGKILL\\. Its log: .*${name}\\.log\\. Starting it again\\.$`),
      );
      await expect.poll(() => isFree(port), { timeout: 20_000 }).toBe(false);
    }

    test('with the tables and the messages that were there', async () => {
      const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
      // The check of the server waits in the queue of the mcp app.
      await topology.kill('mcp');
      await admin.post('/servers', { slug: 'waiting', url: 'http://127.0.0.1:9/mcp' });
      // Azurite writes its tables every five seconds.
      const tables = join(place.dataDir, 'azurite/__azurite_db_table__.json');
      await expect.poll(() => readFile(tables, 'utf8'), { timeout: 20_000 }).toContain('"waiting"');
      for (const name of ['serviceBus', 'azurite', 'issuer', 'management'] as const) await die(name);
      await topology.restart('mcp');
      await expect
        .poll(async () => (await admin.get('/servers/waiting')).body, { timeout: 25_000 })
        .toMatchObject({ status: 'rejected' });
    }, 120_000);

    test('and messages pass between the apps again', async () => {
      await die('mcp');
      await die('serviceBus');
      const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
      const again = { slug: 'again', url: 'http://127.0.0.1:9/mcp' };
      expect(await admin.post('/servers?wait=30', again)).toMatchObject({
        status: 422,
        body: { kind: 'rejected' },
      });
    }, 90_000);
  });

  test('killing a process on purpose is no death', async () => {
    const waited = new Promise((resolve) => setTimeout(resolve, 50, 'nobody died'));
    expect(await Promise.race([topology.failed, waited])).toBe('nobody died');
  });

  test('its data folder holds a log of each process', async () => {
    expect(await readFile(join(place.dataDir, 'logs/management.log'), 'utf8')).toContain('Functions host on');
  });
});

describe('a process that goes wrong', () => {
  let logDir: string;
  beforeAll(async () => {
    logDir = await mkdtemp(join(tmpdir(), 'processes-'));
  });
  afterAll(() => rm(logDir, { recursive: true }));

  const spec = (name: string) => ({
    name,
    command: [process.execPath, `test/support/processes/${name}.ts`] as const,
    env: { PATH: process.env['PATH'] ?? '' },
  });

  test('at its start: the reason is its last message, not a stack frame, and its log has all', async () => {
    const lines: string[] = [];
    const group = processGroup(logDir, {
      onLine: (name, stream, line) => lines.push(`${name} ${stream} ${line}`),
    });
    const reason = await group.start(spec('crashes')).catch((error: unknown) => error);

    expect(reason).toBeInstanceOf(LocalError);
    expect(String(reason)).toContain(
      `crashes ended with exit code 1: TypeError: the wheel came off. Its log: ${join(logDir, 'crashes.log')}`,
    );
    expect(lines).toContain('crashes stdout all is well');
    await expect
      .poll(() => readFile(join(logDir, 'crashes.log'), 'utf8'))
      .toMatch(/all is well[^]*the wheel came off/);
    await group.stop();
  });

  test('a group that is stopping starts nothing more', async () => {
    const group = processGroup(logDir);
    await group.stop();
    await expect(group.start(spec('forgetful'))).rejects.toThrow('stopping');
  });

  test('one that was killed is not missed', async () => {
    const group = processGroup(logDir);
    await group.start(spec('forgetful'));
    await group.kill('forgetful');
    await group.stop();
    const waited = new Promise((resolve) => setTimeout(resolve, 20, 'nobody died'));
    expect(await Promise.race([group.failed, waited])).toBe('nobody died');
  });
});
