import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LocalError } from '../../infra/local/localError.ts';
import { processGroup } from '../../infra/local/processGroup.ts';
import { startTopology, type Topology } from '../../infra/local/topology.ts';
import { processesAt, testPlace, type TestPlace } from '../support/place.ts';
import { badTokens, powerlessTokens, tokenSource } from '../support/tokens.ts';

describe('a topology', () => {
  let place: TestPlace;
  let topology: Topology;
  beforeAll(async () => {
    place = await testPlace();
    topology = await startTopology(place);
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

  test('killing a process on purpose is no death', async () => {
    const waited = new Promise((resolve) => setTimeout(resolve, 50, 'nobody died'));
    expect(await Promise.race([topology.died, waited])).toBe('nobody died');
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
    const group = processGroup(logDir, (name, stream, line) => lines.push(`${name} ${stream} ${line}`));
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
    const group = processGroup(logDir, () => undefined);
    await group.stop();
    await expect(group.start(spec('forgetful'))).rejects.toThrow('stopping');
  });

  test('one that was killed is not missed', async () => {
    const group = processGroup(logDir, () => undefined);
    await group.start(spec('forgetful'));
    await group.kill('forgetful');
    await group.stop();
    const waited = new Promise((resolve) => setTimeout(resolve, 20, 'nobody died'));
    expect(await Promise.race([group.died, waited])).toBe('nobody died');
  });
});
