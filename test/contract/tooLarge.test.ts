import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTables } from '../../infra/local/tables.ts';
import { type AppOnTables, appOnTables } from '../support/appOnTables.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';

let azurite: Azurite;
let management: AppOnTables;
beforeAll(async () => {
  azurite = await startAzurite();
  await createTables(azurite.connectionString, AbortSignal.timeout(20_000));
  management = appOnTables('management', azurite.connectionString);
});
afterAll(() => azurite.stop());

/** A set whose JSON is about so many characters long; each of them takes six bytes on its way to the table. */
const toolset = (slug: string, length: number) => ({
  slug,
  title: 'Many',
  tools: Array.from({ length: Math.round(length / 4_096) }, (_, index) => ({
    server: 'files',
    name: `tool-${index}`,
    description: 'é'.repeat(4_020),
  })),
});
const { slug: _, ...content } = toolset('x', 500_000);
const text = (length: number) => 'x'.repeat(length);
const serverJson = { name: 'com.example/big', description: 'd', version: '1.0.0' };
const big = { ...serverJson, packages: [], 'x-notes': text(400_000) };
const url = 'http://127.0.0.1:9/mcp';
const step = { id: 'look', agent: 'mcp-debugger', task: 'middleware_issues' };

describe('what no row of a table can hold', () => {
  test.each<[status: number, method: string, path: string, body: unknown, bound: RegExp]>([
    [413, 'POST', '/toolsets', toolset('big', 500_000), /480000 characters/],
    [
      400,
      'POST',
      '/servers',
      { slug: 'big', server: { ...big, remotes: [{ type: 'streamable-http', url }] } },
      /32000 characters/,
    ],
    [400, 'POST', '/servers', { slug: 'big', url, description: text(500_000) }, /2048 characters/],
    [400, 'POST', '/servers', { slug: 'big', url, owner: text(500_000) }, /200 characters/],
    [400, 'POST', '/v0.1/publish', big, /32000 characters/],
    [
      413,
      'POST',
      '/servers/bulk',
      {
        servers: Array.from({ length: 200 }, (_each, index) => ({
          slug: `s-${index}`,
          url,
          description: text(2_000),
        })),
      },
      /300000 characters/,
    ],
    [
      413,
      'POST',
      '/delegations',
      { taskType: 'middleware_issues', input: { note: text(500_000) } },
      /200000 characters/,
    ],
    [413, 'POST', '/plans', { steps: [{ ...step, input: { note: text(500_000) } }] }, /200000 characters/],
    [400, 'POST', '/plans', { name: text(500_000), steps: [step] }, /100 characters/],
    [
      400,
      'POST',
      '/events',
      { type: 'performance_degradation', detail: { note: text(500_000) } },
      /32000 characters/,
    ],
    [400, 'POST', '/registry-links', { name: text(500_000) }, /100 characters/],
    [
      400,
      'POST',
      '/registry-links',
      { name: 'Big', tags: Array.from({ length: 5_000 }, (_each, index) => `t-${index}`) },
      /20 tags/,
    ],
    [400, 'POST', '/resource-pools/allocations', { operation: text(500_000) }, /100 characters/],
    [400, 'POST', '/reports', { sessionId: text(500_000) }, /100 characters/],
  ])('is %i to %s %s, with the bound', async (status, method, path, body, bound) => {
    const told = await management.call(method, path, { body });
    expect([told.status, JSON.stringify(told.body)]).toEqual([status, expect.stringMatching(bound)]);
  });

  test('leaves nothing behind', async () => {
    for (const list of ['toolsets', 'servers', 'v0.1/servers', 'delegations', 'plans', 'registry-links']) {
      const { body } = await management.call('GET', `/${list}`);
      const { items, servers } = body as { items?: unknown[]; servers?: unknown[] };
      expect([list, items ?? servers]).toEqual([list, []]);
    }
  });
});

test('a toolset that just fits is kept, and one that has grown too large stays as it was', async () => {
  const fits = toolset('fits', 470_000);
  expect((await management.call('POST', '/toolsets', { body: fits })).status).toBe(201);
  const kept = await management.call('GET', '/toolsets/fits');
  expect(kept.body).toMatchObject({ tools: fits.tools });
  const told = await management.call('PUT', '/toolsets/fits', { body: content });
  expect([told.status, JSON.stringify(told.body)]).toEqual([413, expect.stringMatching(/480000 characters/)]);
  expect((await management.call('GET', '/toolsets/fits')).body).toEqual(kept.body);
});
