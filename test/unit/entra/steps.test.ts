import { describe, expect, test } from 'vitest';
import { type Application, applicationSchema, patchOf } from '../../../infra/entra/application.ts';
import { describePatch } from '../../../infra/entra/describePatch.ts';
import { roleIdOf, shortcomings } from '../../../infra/entra/entitlements.ts';
import { apiSteps, endpointStep, signInSteps, type Step } from '../../../infra/entra/steps.ts';

const vsCode = 'aebc6443-996d-45c2-90f0-388ff96faa56';
const azureCli = '04b07795-8ddb-461a-bbee-02f9e1bf7b46';
const place = { tenants: ['t1'] };
const application = (values: object = {}): Application =>
  applicationSchema.parse({
    id: 'o1',
    appId: 'a1',
    displayName: 'Gateway',
    signInAudience: 'AzureADMyOrg',
    api: {},
    web: {},
    ...values,
  });
const applied = (app: Application, steps: readonly Step[]): Application =>
  steps.reduce((current, step) => ({ ...current, ...patchOf(current, step(current)) }), app);

describe('a new API registration', () => {
  const app = applied(application(), apiSteps(place, 'people'));

  test('has the roles of the gateway for users and applications, and one scope', () => {
    expect(app.appRoles.map(({ value }) => value)).toEqual([
      'Gateway.Admin',
      'Gateway.Operator',
      'Gateway.Auditor',
      'Gateway.User',
    ]);
    for (const role of app.appRoles)
      expect(role).toMatchObject({ isEnabled: true, allowedMemberTypes: ['User', 'Application'] });
    expect(app.api.oauth2PermissionScopes).toMatchObject([
      { value: 'mcp.access', type: 'User', isEnabled: true },
    ]);
  });

  test('asks for v2 tokens that say which of them are of an app', () => {
    expect(app.api.requestedAccessTokenVersion).toBe(2);
    expect(app.optionalClaims).toEqual({
      idToken: [],
      saml2Token: [],
      accessToken: [{ name: 'idtyp', essential: false }],
    });
  });

  test('knows its own URI, and pre-authorises VS Code, the Azure CLI and the sign-in of people', () => {
    const [scope] = app.api.oauth2PermissionScopes;
    expect(app.identifierUris).toEqual(['api://a1']);
    expect(app.api.preAuthorizedApplications).toEqual(
      [vsCode, azureCli, 'people'].map((appId) => ({ appId, delegatedPermissionIds: [scope?.id] })),
    );
  });
});

describe('what others put into a registration', () => {
  const role = { id: 'r1', value: 'Gateway.Admin', isEnabled: false, allowedMemberTypes: ['User'] };
  const scope = { id: 's1', value: 'mcp.access', isEnabled: true };
  const others = application({
    signInAudience: 'AzureADandPersonalMicrosoftAccount',
    identifierUris: ['https://old.contoso.com/mcp'],
    appRoles: [role, { id: 'r2', value: 'Reports.Read', isEnabled: true }],
    api: {
      acceptMappedClaims: true,
      oauth2PermissionScopes: [scope, { id: 's2', value: 'reports', isEnabled: true }],
      preAuthorizedApplications: [
        { appId: vsCode, delegatedPermissionIds: ['s2'] },
        { appId: 'theirs', delegatedPermissionIds: ['s2'] },
      ],
    },
    optionalClaims: { idToken: [{ name: 'email' }], accessToken: [{ name: 'ipaddr' }] },
  });
  const app = applied(others, apiSteps({ tenants: ['t1', 't2'] }, 'people'));

  test('survives: roles, scopes, clients, claims, URIs and members that the gateway does not know', () => {
    expect(app.appRoles.slice(0, 2)).toEqual(others.appRoles);
    expect(app.api.oauth2PermissionScopes).toEqual(others.api.oauth2PermissionScopes);
    expect(app.api['acceptMappedClaims']).toBe(true);
    expect(app.identifierUris).toEqual(['https://old.contoso.com/mcp', 'api://a1']);
    expect(app.optionalClaims).toEqual({
      idToken: [{ name: 'email' }],
      accessToken: [{ name: 'ipaddr' }, { name: 'idtyp', essential: false }],
    });
  });

  test('is used: a role and a scope of the same name keep their ids and their settings', () => {
    expect(roleIdOf(app, 'Admin')).toBe('r1');
    expect(app.api.preAuthorizedApplications).toEqual([
      { appId: vsCode, delegatedPermissionIds: ['s2', 's1'] },
      { appId: 'theirs', delegatedPermissionIds: ['s2'] },
      { appId: azureCli, delegatedPermissionIds: ['s1'] },
      { appId: 'people', delegatedPermissionIds: ['s1'] },
    ]);
  });

  test('is told where it is not enough, because Entra refuses to change an enabled role or scope', () => {
    expect(shortcomings(app)).toEqual([
      'the role Gateway.Admin is disabled',
      'the role Gateway.Admin is not for Application',
    ]);
    expect(shortcomings(applied(application(), apiSteps(place, 'people')))).toEqual([]);
  });

  test('is not narrowed: a wider audience stays', () => {
    expect(app.signInAudience).toBe('AzureADandPersonalMicrosoftAccount');
    expect(applied(application(), apiSteps({ tenants: ['t1', 't2'] }, 'people')).signInAudience).toBe(
      'AzureADMultipleOrgs',
    );
  });

  test('a second application of the steps changes nothing', () => {
    expect(applied(app, apiSteps({ tenants: ['t1', 't2'] }, 'people'))).toEqual(app);
    for (const step of apiSteps(place, 'people')) expect(patchOf(app, step(app))).toEqual({});
  });
});

test('the endpoint is an identifier URI for the first tenant as it is, and for each further one with its id', () => {
  const step = endpointStep({ tenants: ['t1', 't2', 't3'], publicOrigin: 'https://mcp.contoso.com' });
  expect(step(application({ identifierUris: ['api://a1'] }))).toEqual({
    identifierUris: [
      'api://a1',
      'https://mcp.contoso.com/mcp',
      'https://mcp.contoso.com/mcp?tenant=t2',
      'https://mcp.contoso.com/mcp?tenant=t3',
    ],
  });
  expect(endpointStep(place)(application())).toEqual({});
});

test('the sign-in of people asks for the scope, and returns to the origins that are known', () => {
  const api = applied(application({ appId: 'api' }), apiSteps(place, 'people'));
  const origins = {
    publicOrigin: 'https://mcp.contoso.com',
    managementOrigin: 'https://registry.contoso.com',
  };
  const there = application({
    web: { redirectUris: ['https://theirs.example/callback'] },
    requiredResourceAccess: [
      { resourceAppId: 'graph', resourceAccess: [{ id: 'User.Read', type: 'Scope' }] },
      { resourceAppId: 'api', resourceAccess: [{ id: 'x', type: 'Role' }] },
    ],
  });
  const scope = { id: api.api.oauth2PermissionScopes[0]?.id, type: 'Scope' };
  const app = applied(there, signInSteps({ ...place, ...origins }, api));
  expect(app.web.redirectUris).toEqual([
    'https://theirs.example/callback',
    'https://registry.contoso.com/portal/callback',
    'https://mcp.contoso.com/oauth/callback',
  ]);
  expect(app.requiredResourceAccess).toEqual([
    { resourceAppId: 'graph', resourceAccess: [{ id: 'User.Read', type: 'Scope' }] },
    { resourceAppId: 'api', resourceAccess: [{ id: 'x', type: 'Role' }, scope] },
  ]);
  const fresh = applied(application(), signInSteps(place, api));
  expect(fresh.web.redirectUris).toEqual([]);
  expect(fresh.requiredResourceAccess).toEqual([{ resourceAppId: 'api', resourceAccess: [scope] }]);
});

test('a patch is described by what it adds and sets', () => {
  const app = application({ appRoles: [{ id: 'r1', value: 'Theirs', isEnabled: true }] });
  const [, step] = apiSteps(place, 'people');
  expect(describePatch(app, patchOf(app, step?.(app) ?? {}))).toBe(
    'add api.oauth2PermissionScopes mcp.access; set api.requestedAccessTokenVersion to 2; ' +
      'add appRoles Gateway.Admin, Gateway.Operator, Gateway.Auditor, Gateway.User; add optionalClaims.accessToken idtyp',
  );
});
