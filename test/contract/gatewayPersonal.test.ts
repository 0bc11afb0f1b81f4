import { afterAll, beforeAll, expect, test } from 'vitest';
import { succeed } from '../../shared/platform/base/result.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import { startGateway, tenantId, type TestGateway } from '../support/gateway.ts';
import { discoveryOf, type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { memoryState } from '../support/memoryState.ts';
import { memoryTables } from '../support/memoryTables.ts';
import { post } from '../support/rawClient.ts';

/** Shows each signed-in user a tool of their own, and nobody else any. */
let mail: HandmadeUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  type Reply = Parameters<typeof handmadeUpstream>[0];
  const answer =
    (result: (user: string) => object): Reply =>
    (response, { headers, message: { id } }) => {
      const user = /^Bearer for-(\w+)$/.exec(headers.authorization ?? '')?.[1];
      if (user === undefined) json(response, {}, 401);
      else json(response, { jsonrpc: '2.0', id, result: result(user) });
    };
  mail = await handmadeUpstream(
    answer((user) => ({ content: [{ type: 'text', text: `mail of ${user}` }] })),
    {
      'tools/list': answer((user) => ({
        tools: [{ name: `read_${user}`, inputSchema: { type: 'object' } }],
      })),
    },
  );
  const origins = [new URL(mail.url).origin];
  gateway = await startGateway(
    memoryState(),
    azureTableServerStore(memoryTables()),
    { mail: { onBehalfOf: 'api://mail/.default', origins, tenants: [tenantId] } },
    // The user's name stands for the token, which the exchange turns into one for the server.
    ({ token }) =>
      Promise.resolve(
        succeed({ token: `for-${token.split('.')[1] ?? ''}`, expiresAt: Date.now() + 3_600_000 }),
      ),
  );
  await gateway.register('mail', mail.url, {
    discovery: discoveryOf('legacy', [{ name: 'read_admin', inputSchema: { type: 'object' } }]),
    upstream: { headers: { authorization: { credential: 'mail' } } },
  });
});
afterAll(async () => {
  await Promise.all([gateway.close(), mail.close()]);
});

const as = (user: string) => ({ 'x-user': user, authorization: `Bearer h.${user}.s` });
async function toolsOf(url: string, headers: Record<string, string>): Promise<string[]> {
  const [answer] = await (await post(url, 'modern', 'tools/list', {}, headers)).all();
  return (answer?.result?.tools ?? []).map(({ name }) => name);
}

test('each user sees what the server shows to that user, on every endpoint, and calls it as that user', async () => {
  for (const user of ['alice', 'bob', 'alice']) {
    expect(await toolsOf(gateway.urlOf('mail'), as(user))).toEqual([`read_${user}`]);
    expect(await toolsOf(gateway.url, as(user))).toEqual([`mail__read_${user}`]);
    const params = { name: `mail__read_${user}` };
    const called = await post(gateway.url, 'legacy', 'tools/call', params, as(user));
    expect(JSON.stringify(await called.all())).toContain(`mail of ${user}`);
  }
});

test('nobody can call what another user sees', async () => {
  const called = await post(gateway.url, 'legacy', 'tools/call', { name: 'mail__read_bob' }, as('alice'));
  expect(await called.all()).toMatchObject([
    { error: { message: expect.stringContaining('no tool') as string } },
  ]);
});

test('a user whom the server does not know is shown nothing, least of all what another is shown', async () => {
  expect(await toolsOf(gateway.url, as('no-such'))).toEqual([]);
});

test('a list is asked for once in a while, not with each request', async () => {
  const asked = () => mail.received.filter(({ message }) => message.method === 'tools/list').length;
  await toolsOf(gateway.url, as('alice'));
  const before = asked();
  await Promise.all(Array.from({ length: 10 }, () => toolsOf(gateway.url, as('alice'))));
  expect(asked()).toBe(before);
});

test('no session with the server is used for two users', () => {
  const users = new Map<string, Set<string>>();
  for (const { headers } of mail.calls()) {
    const session = String(headers['mcp-session-id']);
    users.set(session, (users.get(session) ?? new Set()).add(headers.authorization ?? ''));
  }
  expect(users.size).toBeGreaterThan(1);
  expect([...users.values()].every(({ size }) => size === 1)).toBe(true);
});
