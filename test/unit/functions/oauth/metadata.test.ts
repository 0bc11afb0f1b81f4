import {
  OAuthMetadataSchema,
  OpenIdProviderDiscoveryMetadataSchema,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { describe, expect, test } from 'vitest';
import { compose } from '../../../../functions/compose/compose.ts';
import { matches } from '../../../../functions/http/paths.ts';
import { serve } from '../../../../functions/http/serve.ts';
import { managementRoutes } from '../../../../functions/management/app.ts';
import { mcpRoutes } from '../../../../functions/mcp/app.ts';
import { serverMetadata } from '../../../../shared/identity/broker/serverMetadata.ts';
import { testConfig } from '../../../support/config.ts';
import { fakeHttpDeps } from '../../../support/httpDeps.ts';

const origin = 'https://mcp.contoso.com';
const management = 'https://registry.contoso.com';
const tenant = '11111111-1111-4111-8111-111111111111';
const settings = { MREG_SIGN_IN_CLIENT_ID: 'c0ffee00-0000-4000-8000-000000000002' };
const mcp = mcpRoutes(compose(testConfig({ MREG_APP: 'mcp', ...settings })));
const mcpWithout = mcpRoutes(compose(testConfig({ MREG_APP: 'mcp' })));
const managementDeps = compose(testConfig(settings));

async function get(routes: typeof mcp, path: string): Promise<Response> {
  const route = routes.find((each) => each.method === 'GET' && matches(each.path, path.split('?')[0] ?? ''));
  if (!route) return new Response(null, { status: 404 });
  return serve(route, fakeHttpDeps())(new Request(`https://gateway.example${path}`));
}
const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

const endpoints = ['mcp', 'servers/crm/mcp', 'servers/Odd_1/mcp', 'toolsets/all/mcp'];
const oauthPaths = [
  'oauth-authorization-server',
  ...endpoints.map((path) => `oauth-authorization-server/${path}`),
];
const openIdPaths = ['openid-configuration', ...endpoints.map((path) => `openid-configuration/${path}`)];
const appended = endpoints.map((path) => `/${path}/.well-known/openid-configuration`);

describe('the metadata of the authorization server', () => {
  test.each([...oauthPaths, ...openIdPaths].map((path) => `/.well-known/${path}`).concat(appended))(
    'at %s is one document, with one issuer, for every page',
    async (path) => {
      const response = await get(mcp, path);
      expect(response.status).toBe(200);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('cache-control')).toBe('public, max-age=3600');
      const body = await json(response);
      expect(body['issuer']).toBe(origin);
      expect(body).toMatchObject(serverMetadata(testConfig(settings)));
      expect(OAuthMetadataSchema.safeParse(body).success).toBe(true);
      if (path.includes('openid'))
        expect(OpenIdProviderDiscoveryMetadataSchema.safeParse(body).success).toBe(true);
    },
  );

  test('names what clients decide by', () => {
    const signed = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA'];
    const methods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'];
    expect(serverMetadata(testConfig(settings))).toEqual({
      issuer: origin,
      authorization_endpoint: `${origin}/oauth/authorize`,
      token_endpoint: `${origin}/oauth/token`,
      registration_endpoint: `${origin}/oauth/register`,
      revocation_endpoint: `${origin}/oauth/revoke`,
      jwks_uri: `${origin}/oauth/jwks`,
      scopes_supported: ['mcp.access', 'offline_access'],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: methods,
      token_endpoint_auth_signing_alg_values_supported: signed,
      revocation_endpoint_auth_methods_supported: methods,
      revocation_endpoint_auth_signing_alg_values_supported: signed,
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
    });
  });

  test('names the grant of identity assertions where the settings trust an issuer', () => {
    const issuers = { 'https://acme.okta.com': { tenant, jwksUri: 'https://acme.okta.com/keys' } };
    const config = testConfig({ ...settings, MREG_GRANT_ISSUERS: JSON.stringify(issuers) });
    expect(serverMetadata(config)).toMatchObject({
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
      ],
      authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
    });
  });

  test('does not exist where people sign in to Entra only', async () => {
    for (const path of [...oauthPaths, ...openIdPaths])
      expect((await get(mcpWithout, `/.well-known/${path}`)).status).toBe(404);
  });
});

describe('protected resource metadata', () => {
  const entra = `https://login.microsoftonline.com/${tenant}/v2.0`;
  test.each(endpoints)('of %s names the gateway first, then Entra, and no offline_access', async (path) => {
    const body = await json(await get(mcp, `/.well-known/oauth-protected-resource/${path}`));
    expect(body).toMatchObject({
      resource: `${origin}/${path}`,
      authorization_servers: [origin, entra],
      scopes_supported: [`${origin}/${path}/mcp.access`],
    });
  });

  test('of a tenant names the gateway and the tenant', async () => {
    const other = '22222222-2222-4222-8222-222222222222';
    const body = await json(await get(mcp, `/.well-known/oauth-protected-resource/mcp?tenant=${other}`));
    expect(body).toMatchObject({
      resource: `${origin}/mcp?tenant=${other}`,
      authorization_servers: [origin, entra.replace(tenant, other)],
    });
  });

  test('of the management API exists, and its challenge names it', async () => {
    const routes = managementRoutes(managementDeps);
    const path = '/.well-known/oauth-protected-resource';
    expect(managementDeps.challenge.resourceMetadata).toBe(`${management}${path}`);
    expect(await json(await get(routes, path))).toEqual({
      resource: management,
      resource_name: 'MCP Registry Gateway, management API',
      authorization_servers: [origin],
      scopes_supported: [`${management}/mcp.access`],
      bearer_methods_supported: ['header'],
    });
    const without = compose(testConfig());
    expect(without.challenge.resourceMetadata).toBeUndefined();
    expect((await get(managementRoutes(without), path)).status).toBe(404);
  });
});
