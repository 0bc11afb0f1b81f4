import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AzureTopology, identities, startAzureTopology } from '../support/azureTopology.ts';
import { echoTool, type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { type Api, managementApi } from '../support/managementApi.ts';
import { post } from '../support/rawClient.ts';
import { describeWith, onPath } from '../support/requirement.ts';
import { standInUsers } from '../support/standInEntra.ts';

const STOCK = 'stock.contoso.com';
const SCOPE = 'api://stock/.default';
const redisServer = onPath('redis-server');

/** A server to which each user signs in with a token of their own. */
let stock: HandmadeUpstream;
let topology: AzureTopology;
let admin: Api;
beforeAll(async () => {
  stock = await handmadeUpstream(
    (response, { message: { id } }) => {
      json(response, { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'three' }] } });
    },
    {
      'tools/list': (response, { message: { id } }) => {
        json(response, { jsonrpc: '2.0', id, result: { tools: [echoTool] } });
      },
    },
  );
  topology = await startAzureTopology({
    servers: { [STOCK]: stock.port },
    credentials: JSON.stringify({ stock: { onBehalfOf: SCOPE, origins: [`https://${STOCK}`] } }),
    withRedis: redisServer.path !== undefined,
  });
  admin = managementApi(topology.apps.management.origin, await topology.entra.tokenFor('Admin'));
}, 120_000);
afterAll(async () => {
  await topology.stop();
  await stock.close();
});

test('both apps run in production with all their functions', async () => {
  for (const { origin, output } of Object.values(topology.apps)) {
    expect((await fetch(`${origin}/health`)).status).toBe(200);
    expect(output()).toMatch(/Functions host on .*: \d{2,} functions/);
    expect(output()).not.toMatch(/is in error and does not run/);
  }
});

test('an agent of the management app gets its message, and finds all tables and queues', async () => {
  const { body } = await admin.post('/delegations?wait=20', { taskType: 'docker_orchestration' });
  expect(body).toMatchObject({ state: 'succeeded', agent: 'mcp-deployment-specialist' });
  expect(body['result']).toMatchObject({ facts: { tables: { missing: [] } }, findings: [] });
});

test('no health check fails', async () => {
  const { body } = await admin.get('/health/components?wait=20');
  expect({ ...body, components: {} }).toMatchObject({ failedServices: [] });
});

test('the settings are none that an app does not know', async () => {
  const { body } = await admin.post('/delegations?wait=20', { taskType: 'environment_configuration' });
  expect(body).toMatchObject({ state: 'succeeded' });
  expect(JSON.stringify(body['result'])).not.toMatch(/setting_unknown|setting_differs/);
});

test('an agent of the mcp app validates a server, in the name of the user', async () => {
  const upstream = { headers: { authorization: { credential: 'stock' } } };
  const server = { slug: 'stock', url: `https://${STOCK}/mcp`, upstream };
  expect((await admin.post('/servers?wait=20', server)).body).toMatchObject({ status: 'active' });
});

test('a call on behalf of a user is proven by the identity of the app', async () => {
  const headers = { authorization: `Bearer ${await topology.entra.tokenFor('User')}` };
  const url = `${topology.apps.mcp.origin}/servers/stock/mcp`;
  const called = await post(url, 'legacy', 'tools/call', { name: 'echo', arguments: {} }, headers);
  expect(await called.all()).toMatchObject([{ result: { content: [{ text: 'three' }] } }]);

  const exchanged = stock.calls().at(-1)?.headers.authorization ?? '';
  expect(decodeJwt(exchanged.replace('Bearer ', ''))).toMatchObject({
    aud: 'api://stock',
    oid: standInUsers.User,
  });
  const form = topology.entra.forms.at(-1);
  expect(form).toMatchObject({
    requested_token_use: 'on_behalf_of',
    assertion: headers.authorization.slice(7),
  });
  expect(form).not.toHaveProperty('client_secret');
  expect(decodeJwt(form?.['client_assertion'] ?? '')).toMatchObject({
    appid: identities.mcp.clientId,
    aud: 'api://AzureADTokenExchange',
  });
});

test('every token is asked for with the client id of an app, and for a service that the app uses', () => {
  const asked = (app: 'management' | 'mcp') =>
    new Set(
      topology.identityEndpoint.asked
        .filter(({ clientId }) => clientId === identities[app].clientId)
        .map(({ resource }) => resource),
    );
  const services = [
    'https://storage.azure.com',
    'https://servicebus.azure.net/',
    ...(topology.redis ? ['https://redis.azure.com'] : []),
  ];
  expect(asked('management')).toEqual(new Set(services));
  expect(asked('mcp')).toEqual(new Set([...services, 'api://AzureADTokenExchange']));
  expect(topology.identityEndpoint.asked.filter(({ clientId }) => clientId === undefined)).toEqual([]);
});

describeWith(redisServer, 'a Redis that knows the tokens of the identities', () => {
  test('keeps the short-lived state of both apps', async () => {
    const clients = String(await topology.redis?.call('CLIENT', 'LIST'));
    for (const { objectId } of Object.values(identities)) expect(clients).toContain(`user=${objectId}`);
    expect(await topology.redis?.dbsize()).toBeGreaterThan(0);
  });
});
