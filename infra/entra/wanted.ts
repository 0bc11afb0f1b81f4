import { type Role, roles } from '../../shared/identity/access/actor.ts';
import { REQUIRED_SCOPE } from '../../shared/identity/tokens/refusals.ts';
import { type Application, type ApplicationPatch, withMissing } from './application.ts';
import { deterministicId } from './deterministicId.ts';

/** What a registration must have, made from what it has. Nothing that is there is lost. */
export type Step = (app: Application) => ApplicationPatch;

/** Applications of Microsoft that sign people in without a consent of their own. */
const microsoftClients = {
  'Visual Studio Code': 'aebc6443-996d-45c2-90f0-388ff96faa56',
  // The Azure Developer CLI signs in as the Azure CLI.
  'Azure CLI': '04b07795-8ddb-461a-bbee-02f9e1bf7b46',
} as const;

const roleDescriptions: Readonly<Record<Role, string>> = {
  Admin: 'Manages servers, toolsets, plans and the gateway itself.',
  Operator: 'Delegates work and reads the state of the gateway.',
  Auditor: 'Reads the audit trail and verifies it.',
  User: 'Uses the servers that are open to this user.',
};

const wantedRoles = roles.map((role) => ({
  id: deterministicId(`role/Gateway.${role}`),
  value: `Gateway.${role}`,
  displayName: `Gateway ${role}`,
  description: roleDescriptions[role],
  isEnabled: true,
  allowedMemberTypes: ['User', 'Application'],
}));

const wantedScope = {
  id: deterministicId(`scope/${REQUIRED_SCOPE}`),
  value: REQUIRED_SCOPE,
  type: 'User',
  isEnabled: true,
  adminConsentDisplayName: 'Use MCP servers through the gateway',
  adminConsentDescription:
    'Lets an application call the gateway for the signed-in user, within the roles of that user.',
  userConsentDisplayName: 'Use MCP servers for you',
  userConsentDescription: 'Lets the application call MCP servers for you.',
};

/** Returns the id of a role of the registration, which may be older than this command. */
export const roleIdOf = (app: Application, role: Role): string | undefined =>
  app.appRoles.find(({ value }) => value === `Gateway.${role}`)?.id;

const scopeIdOf = (app: Application): string | undefined =>
  app.api.oauth2PermissionScopes.find(({ value }) => value === REQUIRED_SCOPE)?.id;

/**
 * Returns what the roles and the scope of the registration lack. Entra does not change an enabled role or scope, and somebody may
 * have disabled one on purpose. So what is there stays, and the user hears of it.
 */
export function shortcomings({ appRoles, api }: Application): readonly string[] {
  const scope = api.oauth2PermissionScopes.find(({ value }) => value === REQUIRED_SCOPE);
  const roleProblems = wantedRoles.flatMap(({ value, allowedMemberTypes }) => {
    const role = appRoles.find((there) => there.value === value);
    if (!role) return [];
    const types = Array.isArray(role['allowedMemberTypes']) ? role['allowedMemberTypes'] : [];
    return [
      ...(role.isEnabled ? [] : [`the role ${value} is disabled`]),
      ...allowedMemberTypes
        .filter((type) => !types.includes(type))
        .map((type) => `the role ${value} is not for ${type}`),
    ];
  });
  return [
    ...roleProblems,
    ...(scope?.isEnabled === false ? [`the scope ${REQUIRED_SCOPE} is disabled`] : []),
  ];
}

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
export const apiSteps = (place: Place, signInAppId: string | undefined): readonly Step[] => [
  audience(place),
  ({ api, appRoles, optionalClaims }) => ({
    api: {
      ...api,
      requestedAccessTokenVersion: 2,
      oauth2PermissionScopes: withMissing(api.oauth2PermissionScopes, [wantedScope], ({ value }) => value),
    },
    appRoles: withMissing(appRoles, wantedRoles, ({ value }) => value),
    // The claim tells a token of an app from a token of a user.
    optionalClaims: {
      ...(optionalClaims ?? { idToken: [], saml2Token: [] }),
      accessToken: withMissing(
        optionalClaims?.accessToken ?? [],
        [{ name: 'idtyp', essential: false }],
        ({ name }) => name,
      ),
    },
  }),
  (app) => ({
    identifierUris: withMissing(app.identifierUris, [`api://${app.appId}`], (uri) => uri),
    api: { ...app.api, preAuthorizedApplications: preAuthorised(app, signInAppId) },
  }),
];

function preAuthorised(app: Application, signInAppId: string | undefined) {
  const scopeId = scopeIdOf(app);
  const there = app.api.preAuthorizedApplications;
  if (scopeId === undefined) return there;
  const clients = [...Object.values(microsoftClients), ...(signInAppId === undefined ? [] : [signInAppId])];
  const missing = clients.map((appId) => ({ appId, delegatedPermissionIds: [scopeId] }));
  return withMissing(there, missing, ({ appId }) => appId).map((client) =>
    clients.includes(client.appId)
      ? {
          ...client,
          delegatedPermissionIds: withMissing(client.delegatedPermissionIds, [scopeId], (id) => id),
        }
      : client,
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
    return { identifierUris: withMissing(identifierUris, uris, (uri) => uri) };
  };

/** The steps of the registration that people sign in with: at the portal, and at the gateway for clients without an id. */
export const signInSteps = (place: Place, api: Application): readonly Step[] => [
  audience(place),
  ({ requiredResourceAccess, web }) => ({
    requiredResourceAccess: withPermission(requiredResourceAccess, api.appId, scopeIdOf(api)),
    web: { redirectUris: withMissing(web.redirectUris, redirectUris(place), (uri) => uri) },
  }),
];

const redirectUris = ({ publicOrigin, managementOrigin }: Place): string[] => [
  ...(managementOrigin === undefined ? [] : [`${managementOrigin}/portal/callback`]),
  ...(publicOrigin === undefined ? [] : [`${publicOrigin}/oauth/callback`]),
];

function withPermission(
  there: Application['requiredResourceAccess'],
  resourceAppId: string,
  scopeId: string | undefined,
): Application['requiredResourceAccess'] {
  if (scopeId === undefined) return there;
  const permission = { id: scopeId, type: 'Scope' };
  return withMissing(
    there,
    [{ resourceAppId, resourceAccess: [permission] }],
    (entry) => entry.resourceAppId,
  ).map((entry) =>
    entry.resourceAppId === resourceAppId
      ? { ...entry, resourceAccess: withMissing(entry.resourceAccess, [permission], ({ id }) => id) }
      : entry,
  );
}
