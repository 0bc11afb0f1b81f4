import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultTenant } from '../../infra/local/defaults.ts';
import { type AssertionIssuer, assertionIssuer } from '../support/assertions.ts';
import { post } from '../support/rawClient.ts';
import { serve, type Served } from '../support/serve.ts';
import {
  askForTokens,
  authorizationUrl,
  createBrowser,
  signInTo,
  type TokenReply,
} from '../support/signInBrowser.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

const redirectUri = 'http://127.0.0.1:4567/callback';
const agent = { client_id: 'agent', client_secret: 'a-secret-of-an-agent' };

let topology: TestTopology;
let gateway: string;
let provider: AssertionIssuer;
let signing: AssertionIssuer;
/** Serves the documents of clients, and the keys of the identity provider. */
let strangers: Served;
let origin: string;

beforeAll(async () => {
  provider = await assertionIssuer('RS256');
  signing = await assertionIssuer();
  strangers = await serve((request, response) => {
    const id = origin + (request.url ?? '');
    const document = {
      client_id: id,
      client_name: 'A client with a document',
      redirect_uris: ['http://127.0.0.1/callback'],
      ...(id.endsWith('/signing.json')
        ? { token_endpoint_auth_method: 'private_key_jwt', jwks: signing.jwks }
        : { token_endpoint_auth_method: 'none' }),
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(id.endsWith('/keys') ? provider.jwks : document));
  });
  origin = `http://127.0.0.1:${strangers.port}`;
  topology = await startTestTopology({
    settings: {
      MREG_CLIENTS: JSON.stringify({
        agent: { name: 'Agent', redirectUris: [redirectUri], secret: agent.client_secret },
      }),
      MREG_GRANT_ISSUERS: JSON.stringify({
        [origin]: { tenant: defaultTenant, jwksUri: `${origin}/keys`, roles: ['User'] },
      }),
    },
  });
  gateway = topology.urls.mcp;
});
afterAll(async () => {
  await topology.stop();
  await strangers.close();
});

/** Signs a person in with a client. `more` proves who the client is. */
async function tokensOf(clientId: string, more: Record<string, string> = {}): Promise<TokenReply> {
  const asked = authorizationUrl(gateway, { clientId, redirectUri, resource: `${gateway}/mcp` });
  const back = await signInTo(createBrowser(), gateway, asked);
  return askForTokens(gateway, {
    grant_type: 'authorization_code',
    code: back.searchParams.get('code') ?? '',
    code_verifier: asked.verifier,
    client_id: clientId,
    redirect_uri: redirectUri,
    ...more,
  });
}

const refresh = (clientId: string, token: string | undefined) =>
  askForTokens(gateway, { grant_type: 'refresh_token', refresh_token: token ?? '', client_id: clientId });

async function listTools(token: string | undefined, url = `${gateway}/mcp`): Promise<number> {
  const answer = await post(url, 'modern', 'tools/list', {}, { authorization: `Bearer ${token ?? ''}` });
  await answer.all();
  return answer.status;
}

async function register(body: object): Promise<Record<string, string>> {
  const response = await fetch(`${gateway}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as Record<string, string>;
}

describe('a person signs in with a client', () => {
  test('of which only its document is known', async () => {
    const { body } = await tokensOf(`${origin}/client.json`);
    expect(await listTools(body.access_token)).toBe(200);
  });

  test('that registered itself', async () => {
    const metadata = { client_name: 'New', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' };
    const { client_id: id = '' } = await register(metadata);
    const { body } = await tokensOf(id);
    expect(await listTools(body.access_token)).toBe(200);
    expect(await register(metadata)).toMatchObject({ client_id: id });
  });

  test('that registered itself with a secret, which it must send', async () => {
    const { client_id: id = '', client_secret: secret = '' } = await register({
      redirect_uris: [redirectUri],
    });
    expect(await tokensOf(id)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect(await tokensOf(id, { client_secret: secret })).toMatchObject({ status: 200 });
  });

  test('that signs an assertion', async () => {
    const id = `${origin}/signing.json`;
    expect(await tokensOf(id)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    const now = Math.floor(Date.now() / 1_000);
    const assertion = await signing.sign({
      iss: id,
      sub: id,
      aud: gateway,
      jti: 'one',
      iat: now,
      exp: now + 60,
    });
    const proof = {
      client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    };
    const { body } = await tokensOf(id, proof);
    expect(await listTools(body.access_token)).toBe(200);
    expect(await tokensOf(id, proof)).toMatchObject({ status: 401 });
  });
});

test.each(['access_token', 'refresh_token'] as const)(
  'a client signs its user out with the %s: no refresh works any more',
  async (kind) => {
    const id = `${origin}/client.json`;
    const { body } = await tokensOf(id);
    const revoke = (clientId: string) =>
      fetch(`${gateway}/oauth/revoke`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: clientId, token: body[kind] ?? '' }),
      });
    expect((await revoke(`${origin}/other.json`)).status).toBe(400);
    const next = await refresh(id, body.refresh_token);
    expect(next.status).toBe(200);
    expect((await revoke(id)).status).toBe(200);
    expect(await refresh(id, next.body.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  },
);

describe('an identity assertion', () => {
  const now = Math.floor(Date.now() / 1_000);
  const assertion = (more: object = {}) =>
    provider.sign(
      {
        iss: origin,
        sub: 'ada',
        aud: gateway,
        client_id: 'agent',
        jti: String(Math.random()),
        iat: now,
        exp: now + 300,
        ...more,
      },
      { typ: 'oauth-id-jag+jwt' },
    );
  const exchange = (jag: string, more: Record<string, string> = {}) =>
    askForTokens(gateway, {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: jag,
      ...agent,
      ...more,
    });

  test('gives its person a token for the endpoint, once, without a refresh token', async () => {
    const url = `${gateway}/servers/gateway/mcp`;
    const jag = await assertion({ resource: url });
    const { status, body } = await exchange(jag);
    expect(status).toBe(200);
    expect(body.refresh_token).toBeUndefined();
    expect(await listTools(body.access_token, url)).toBe(200);
    expect(await listTools(body.access_token)).toBe(401);
    expect(await exchange(jag)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  test('is refused for another client, and without the secret', async () => {
    expect(await exchange(await assertion({ client_id: 'other' }))).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect(await exchange(await assertion(), { client_secret: 'wrong-but-long-enough' })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
  });
});
