import { inspect } from 'node:util';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAppIdentity } from '../../shared/platform/managedIdentity/appIdentity.ts';
import { type IdentityEndpoint, startIdentityEndpoint } from '../support/identityEndpoint.ts';

const own = {
  clientId: '0f4c1e52-7a3b-4d6e-9c8f-1a2b3c4d5e6f',
  objectId: '6e5d4c3b-2a1f-4f8c-9e6d-4b3a7c2e1f0d',
};
const shortLived = { ...own, clientId: '1a2b3c4d-7a3b-4d6e-9c8f-1a2b3c4d5e6f', expiresInS: 240 };
const silent = { ...own, clientId: '2a2b3c4d-7a3b-4d6e-9c8f-1a2b3c4d5e6f', fault: 'silence' } as const;
const talkative = { ...own, clientId: '3a2b3c4d-7a3b-4d6e-9c8f-1a2b3c4d5e6f', fault: 'too_much' } as const;
const terse = { ...own, clientId: '4a2b3c4d-7a3b-4d6e-9c8f-1a2b3c4d5e6f', fault: 'token_alone' } as const;
const endless = { ...own, clientId: '5a2b3c4d-7a3b-4d6e-9c8f-1a2b3c4d5e6f', fault: 'no_expiry' } as const;
const scope = (name: string) => `https://${name}.example/.default`;

let endpoint: IdentityEndpoint;
const before = { ...process.env };
beforeAll(async () => {
  endpoint = await startIdentityEndpoint([own, shortLived, silent, talkative, terse, endless]);
  // MSAL reads them with the first token of the process.
  Object.assign(process.env, endpoint.environment);
});
afterAll(async () => {
  for (const name of Object.keys(endpoint.environment)) {
    if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = before[name];
  }
  await endpoint.close();
});
const askedFor = (name: string) =>
  endpoint.asked.filter(({ resource }) => resource === `https://${name}.example`);

test('a token is that of the identity with the client id, and is asked for once', async () => {
  const identity = openAppIdentity(own.clientId);
  const issued = await identity.getToken(scope('once'));
  expect(decodeJwt(issued.token)).toMatchObject({ appid: own.clientId, aud: 'https://once.example' });
  expect(issued.expiresOnTimestamp).toBeGreaterThan(Date.now() + 86_000_000);
  expect(await identity.getToken([scope('once')])).toEqual(issued);
  expect(await openAppIdentity(own.clientId).getToken(scope('once'))).toEqual(issued);
  expect(askedFor('once')).toEqual([{ resource: 'https://once.example', clientId: own.clientId }]);
});

test('a renewed token is another one, and takes the place of the one before', async () => {
  const identity = openAppIdentity(own.clientId);
  const first = await identity.getToken(scope('renewed'));
  const renewed = await identity.renewToken(scope('renewed'));
  expect(renewed.token).not.toBe(first.token);
  expect(await identity.getToken(scope('renewed'))).toEqual(renewed);
});

test('a token that ends within five minutes is not used again', async () => {
  const identity = openAppIdentity(shortLived.clientId);
  await identity.getToken(scope('short'));
  await identity.getToken(scope('short'));
  expect(askedFor('short')).toHaveLength(2);
});

test.each([undefined, '99999999-7a3b-4d6e-9c8f-1a2b3c4d5e6f'])(
  'where no identity is assigned as %s, the error says what to check',
  async (clientId) => {
    await expect(openAppIdentity(clientId).getToken(scope('none'))).rejects.toThrow(
      'no token for https://none.example/.default: check that the identity of AZURE_CLIENT_ID is assigned',
    );
  },
);

const reason = (text: string) => ({ cause: { message: expect.stringContaining(text) as string } });

test('an endpoint that does not answer is given up after five seconds', async () => {
  const startedAt = performance.now();
  const failed = openAppIdentity(silent.clientId).getToken(scope('silent'));
  await expect(failed).rejects.toMatchObject(reason('timeout'));
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});

test('an answer that is too long is not read', async () => {
  const failed = openAppIdentity(talkative.clientId).getToken(scope('talkative'));
  await expect(failed).rejects.toMatchObject(reason('too much'));
});

test('an error holds nothing of an answer that is no JSON', async () => {
  const failed = await openAppIdentity(terse.clientId).getToken(scope('terse')).catch(inspect);
  expect(failed).toMatch(/answered 200 with no JSON object/);
  expect(failed).not.toContain('eyJ');
});

test('a token whose end is no time is not used', async () => {
  const failed = openAppIdentity(endless.clientId).getToken(scope('endless'));
  await expect(failed).rejects.toMatchObject(reason('no time of expiry'));
});
