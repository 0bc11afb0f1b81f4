import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAskToken, type TokenClient } from '../../../shared/identity/credentials/clientCredentials.ts';
import { openOutboundClient } from '../../../shared/platform/outbound/outboundClient.ts';
import { json } from '../../support/handmadeUpstream.ts';
import { serve, type Served } from '../../support/serve.ts';

const begin = Date.UTC(2026, 0, 1);
const outbound = openOutboundClient('private_allowed');
const client = { clientId: 'gateway', clientSecret: 'canary: and + more', scope: 'crm.read crm.write' };

interface Asked {
  readonly authorization: string | undefined;
  readonly form: Record<string, string>;
}
let asked: Asked[];
let reply: (request: Asked) => readonly [status: number, body: unknown];
let server: Served;
beforeEach(async () => {
  asked = [];
  reply = () => [200, { access_token: 'of-app', token_type: 'Bearer', expires_in: 600 }];
  server = await serve((request, response) => {
    void (async () => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      const one = {
        authorization: request.headers.authorization,
        form: Object.fromEntries(new URLSearchParams(body)),
      };
      asked.push(one);
      const [status, answer] = reply(one);
      json(response, answer, status);
    })();
  });
});
afterEach(() => server.close());

const ask = createAskToken({ outbound, clock: { now: () => new Date(begin) } });
const at = (more: Partial<TokenClient> = {}): TokenClient => ({ tokenUrl: server.url, ...client, ...more });

test('a server that knows HTTP Basic gets the secret there, and only there', async () => {
  const token = await ask(at({ resource: 'https://crm.example/mcp' }));
  expect(token).toEqual({ ok: true, value: { token: 'of-app', expiresAt: begin + 600_000 } });
  const pair = Buffer.from(asked[0]?.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
  expect(pair).toBe('gateway:canary%3A+and+%2B+more');
  expect(asked[0]?.form).toEqual({
    grant_type: 'client_credentials',
    scope: client.scope,
    resource: 'https://crm.example/mcp',
  });
});

test('a server that knows the form alone gets the secret in it, from then on at once', async () => {
  const known = at();
  reply = ({ authorization }) =>
    authorization === undefined
      ? [200, { access_token: 't', token_type: 'bearer' }]
      : [401, { error: 'invalid_client' }];
  expect(await ask(known)).toMatchObject({ ok: true, value: { expiresAt: begin + 300_000 } });
  expect(await ask(known)).toMatchObject({ ok: true });
  expect(asked.map(({ authorization }) => authorization !== undefined)).toEqual([true, false, false]);
  expect(asked[1]?.form).toMatchObject({ client_id: 'gateway', client_secret: client.clientSecret });
});

test('a client without a secret only says who it is', async () => {
  await ask(at({ clientSecret: undefined }));
  expect(asked).toMatchObject([{ authorization: undefined, form: { client_id: 'gateway' } }]);
  expect(asked[0]?.form).not.toHaveProperty('client_secret');
});

test.each([
  [400, { error: 'invalid_scope', error_description: 'canary' }, 'forbidden'],
  [403, 'canary, as a page', 'forbidden'],
  [503, { error: 'canary' }, 'unavailable'],
  [200, { access_token: 'canary' }, 'unavailable'],
  [200, { access_token: 'canary\r\nx: y', token_type: 'bearer' }, 'unavailable'],
  [200, { access_token: 'canary', token_type: 'DPoP' }, 'unavailable'],
  [200, 'x'.repeat(70_000), 'unavailable'],
  [302, {}, 'unavailable'],
])('%i %j is a failure that says nothing of it', async (status, body, kind) => {
  reply = () => [status, body];
  const refused = await ask(at());
  expect(refused).toMatchObject({ ok: false, error: { kind } });
  expect(JSON.stringify(refused)).not.toContain('canary');
});

test('a token URL on a private address gets no request in production', async () => {
  const guarded = openOutboundClient('public');
  const refused = await createAskToken({ outbound: guarded, clock: { now: () => new Date() } })(at());
  expect(refused).toMatchObject({ ok: false });
  expect(asked).toEqual([]);
  await guarded.close();
});
