import { afterAll, beforeAll, expect, test } from 'vitest';
import { hammer } from '../support/hammer.ts';
import { managementApi } from '../support/managementApi.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

let one: TestTopology;
let other: TestTopology;
beforeAll(async () => {
  [one, other] = await Promise.all([startTestTopology(), startTestTopology()]);
});
afterAll(() => Promise.all([one, other].map((topology) => topology.stop())));

const adminOf = async (topology: TestTopology) =>
  managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));

test('two topologies side by side know nothing of each other', async () => {
  const [here, there] = [await adminOf(one), await adminOf(other)];
  // Decided by a specialist of the mcp app, so every part of `one` has had its share in it.
  const server = { slug: 'ours', url: 'http://127.0.0.1:9/mcp' };
  const registered = await here.post('/servers?wait=30', server);
  expect(registered).toMatchObject({ status: 422, body: { kind: 'rejected' } });
  const { href } = registered.body['plan'] as { href: string };

  expect((await there.get('/servers')).body['items']).toEqual([]);
  for (const path of ['/servers/ours', href]) {
    expect((await here.get(path)).status).toBe(200);
    expect((await there.get(path)).status).toBe(404);
  }
  const token = await one.mint({ role: 'Admin' });
  expect((await managementApi(other.urls.management, token).get('/servers')).status).toBe(401);

  await other.kill('serviceBus');
  await other.kill('issuer');
  expect((await here.post('/servers?wait=30', { ...server, slug: 'again' })).body).toMatchObject({
    kind: 'rejected',
  });
});

test('a thousand requests while the mcp app restarts are each answered whole or refused at once', async () => {
  const rpc = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  let restarting: Promise<'restarted'> | undefined;
  let answeredSince: number | undefined;
  const outcomes = await hammer(
    {
      url: `${one.urls.mcp}/mcp`,
      method: 'POST',
      headers: {
        authorization: `Bearer ${await one.mint({ role: 'User' })}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify(rpc),
      // There are no servers, and one tool of the gateway's own for users.
      isWhole: (body) =>
        body.startsWith('{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"gateway__list_servers"') &&
        body.endsWith('}]}}'),
    },
    (soFar) => {
      const answered = soFar.get('answered') ?? 0;
      const sent = [...soFar.values()].reduce((sum, count) => sum + count, 0);
      if (answered >= 100) {
        restarting ??= one.restart('mcp').then(() => {
          answeredSince = soFar.get('answered') ?? 0;
          return 'restarted';
        });
      }
      return sent >= 1_000 && answeredSince !== undefined && answered >= answeredSince + 100;
    },
  );
  expect(await restarting).toBe('restarted');
  expect([...outcomes.keys()].sort()).toEqual(['answered', 'refused']);
});
