import { type Application, type ApplicationPatch, merged, union } from './application.ts';
import { scopeIdsOf, wantedRoles, wantedScope } from './entitlements.ts';

/** What a registration must have, made from what it has. Nothing that is there is lost. */
export type Step = (app: Application) => ApplicationPatch;

/** Applications of Microsoft that sign people in without a consent of their own. */
const microsoftClients = {
  'Visual Studio Code': 'aebc6443-996d-45c2-90f0-388ff96faa56',
  // The Azure Developer CLI signs in as the Azure CLI.
  'Azure CLI': '04b07795-8ddb-461a-bbee-02f9e1bf7b46',
} as const;

/** Where the gateway is, and whose people use it. */
export interface Place {
  readonly tenants: readonly string[];
  readonly publicOrigin?: string | undefined;
  readonly managementOrigin?: string | undefined;
}

/** People of a second tenant can sign in to an app of several organisations only. No step narrows the audience. */
const audience: (place: Place) => Step =
  ({ tenants }) =>
  ({ signInAudience }) => ({
    signInAudience:
      tenants.length > 1 && signInAudience === 'AzureADMyOrg' ? 'AzureADMultipleOrgs' : signInAudience,
  });

/**
 * The steps of the API registration. Entra accepts an identifier URI of the web only for a registration with v2 tokens, and a
 * pre-authorisation only for a scope that is there. So the order counts, and each step is a PATCH of its own.
 */
export const apiSteps = (place: Place, signInAppId: string): readonly Step[] => [
  audience(place),
  ({ api, appRoles, optionalClaims }) => ({
    api: {
      ...api,
      requestedAccessTokenVersion: 2,
      oauth2PermissionScopes: merged(api.oauth2PermissionScopes, [wantedScope], ({ value }) => value),
    },
    appRoles: merged(appRoles, wantedRoles, ({ value }) => value),
    // The claim tells a token of an app from a token of a user.
    optionalClaims: {
      ...(optionalClaims ?? { idToken: [], saml2Token: [] }),
      accessToken: merged(
        optionalClaims?.accessToken ?? [],
        [{ name: 'idtyp', essential: false }],
        ({ name }) => name,
      ),
    },
  }),
  (app) => ({
    identifierUris: union(app.identifierUris, [`api://${app.appId}`]),
    api: { ...app.api, preAuthorizedApplications: preAuthorised(app, signInAppId) },
  }),
];

function preAuthorised(
  app: Application,
  signInAppId: string,
): Application['api']['preAuthorizedApplications'] {
  const delegatedPermissionIds = scopeIdsOf(app);
  const clients = [...Object.values(microsoftClients), signInAppId];
  return merged(
    app.api.preAuthorizedApplications,
    clients.map((appId) => ({ appId, delegatedPermissionIds })),
    ({ appId }) => appId,
    (there) => ({
      ...there,
      delegatedPermissionIds: union(there.delegatedPermissionIds, delegatedPermissionIds),
    }),
  );
}

/**
 * The step that adds the URL of the aggregate endpoint, for each tenant: MCP clients send it as `resource` (RFC 8707), and Entra
 * compares it letter by letter. Entra refuses the step where the domain is no verified domain of the tenant.
 */
export const endpointStep =
  ({ publicOrigin, tenants: [, ...further] }: Place): Step =>
  ({ identifierUris }) => {
    if (publicOrigin === undefined) return {};
    const endpoint = `${publicOrigin}/mcp`;
    const uris = [endpoint, ...further.map((tenant) => `${endpoint}?tenant=${tenant}`)];
    return { identifierUris: union(identifierUris, uris) };
  };

/** The steps of the registration that people sign in with: at the portal, and at the gateway for clients without an id. */
export const signInSteps = (place: Place, api: Application): readonly Step[] => [
  audience(place),
  ({ requiredResourceAccess, web }) => ({
    requiredResourceAccess: withPermission(requiredResourceAccess, api),
    web: { redirectUris: union(web.redirectUris, redirectUris(place)) },
  }),
];

const redirectUris = ({ publicOrigin, managementOrigin }: Place): string[] => [
  ...(managementOrigin === undefined ? [] : [`${managementOrigin}/portal/callback`]),
  ...(publicOrigin === undefined ? [] : [`${publicOrigin}/oauth/callback`]),
];

/** The permission to call the API for the signed-in user. */
function withPermission(
  there: Application['requiredResourceAccess'],
  api: Application,
): Application['requiredResourceAccess'] {
  const resourceAccess = scopeIdsOf(api).map((id) => ({ id, type: 'Scope' }));
  return merged(
    there,
    [{ resourceAppId: api.appId, resourceAccess }],
    ({ resourceAppId }) => resourceAppId,
    (entry) => ({ ...entry, resourceAccess: merged(entry.resourceAccess, resourceAccess, ({ id }) => id) }),
  );
}
