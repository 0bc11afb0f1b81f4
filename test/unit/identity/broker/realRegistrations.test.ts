import { expect, test } from 'vitest';
import { azureTableRegisteredClientStore } from '../../../../shared/identity/broker/azureTableRegisteredClientStore.ts';
import {
  findRegistered,
  registerClient,
  type RegistrationDeps,
} from '../../../../shared/identity/broker/clientRegistration.ts';
import { redirectUriOf } from '../../../../shared/identity/broker/redirectUris.ts';
import { systemClock } from '../../../../shared/platform/base/clock.ts';
import { randomId, randomSecret } from '../../../../shared/platform/base/ids.ts';
import { memoryState } from '../../../support/memoryState.ts';
import { memoryTables } from '../../../support/memoryTables.ts';

const deps: RegistrationDeps = {
  registeredClients: azureTableRegisteredClientStore(memoryTables()),
  state: memoryState(systemClock),
  clock: systemClock,
  newId: randomId,
  newSecret: randomSecret,
};

const publicClient = { token_endpoint_auth_method: 'none', response_types: ['code'] };
const usual = ['authorization_code', 'refresh_token'];

/**
 * What clients send when they register, and the redirect URI that they use afterwards: seen on the wire, or told in public reports
 * (github.com/microsoft/vscode/issues/278512, github.com/soflyy/agent-connector-for-wp/issues/111).
 */
test.each<[client: string, uses: string, metadata: object]>([
  [
    'Cursor',
    'http://localhost:8787/callback',
    {
      client_name: 'Cursor',
      redirect_uris: [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        'http://localhost:8787/callback',
      ],
      grant_types: usual,
    },
  ],
  [
    'Cursor in the cloud',
    'https://www.cursor.com/agents/mcp/oauth/callback',
    { redirect_uris: ['https://www.cursor.com/agents/mcp/oauth/callback'], grant_types: usual },
  ],
  [
    'VS Code on a port that it did not name',
    'http://127.0.0.1:59656/',
    {
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      redirect_uris: [
        'https://insiders.vscode.dev/redirect',
        'https://vscode.dev/redirect',
        'http://127.0.0.1/',
        'http://127.0.0.1:33418/',
      ],
      grant_types: [...usual, 'urn:ietf:params:oauth:grant-type:device_code'],
      application_type: 'native',
    },
  ],
  [
    'Claude Code',
    'http://localhost:53669/callback',
    {
      client_name: 'Claude Code (gateway)',
      redirect_uris: ['http://localhost:53669/callback'],
      grant_types: usual,
    },
  ],
  [
    'Codex, with a path of its own',
    'http://127.0.0.1:39667/callback/Ew1D9fB5ENlX',
    {
      client_name: 'Codex',
      redirect_uris: ['http://127.0.0.1:39667/callback/Ew1D9fB5ENlX'],
      grant_types: usual,
    },
  ],
  [
    'ChatGPT',
    'https://chatgpt.com/connector/oauth/Ab12Cd34',
    { redirect_uris: ['https://chatgpt.com/connector/oauth/Ab12Cd34'], grant_types: usual },
  ],
])('%s can register and use %s', async (_client, uses, metadata) => {
  const registered = await registerClient({ ...publicClient, ...metadata }, deps);
  if (!registered.ok) expect.fail(registered.error.message);
  const found = await findRegistered(registered.value.client.id, deps);
  if (!found) expect.fail('The client is not stored');
  expect(redirectUriOf(found, uses)).toEqual({ ok: true, value: uses });
});

test('a custom scheme of a client that registers itself is left out, and refused when it is all there is', async () => {
  const scheme = 'cursor://anysphere.cursor-mcp/oauth/callback';
  const both = { ...publicClient, redirect_uris: [scheme, 'http://localhost/callback'] };
  const registered = await registerClient(both, deps);
  expect(registered).toMatchObject({ value: { redirectUris: ['http://localhost/callback'] } });
  const alone = await registerClient({ ...publicClient, redirect_uris: [scheme] }, deps);
  expect(alone).toMatchObject({
    ok: false,
    error: { message: expect.stringContaining('redirect_uris.0') as string },
  });
});
