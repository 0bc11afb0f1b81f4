import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runEntra } from '../../infra/entra/run.ts';
import { LocalError } from '../../infra/local/localError.ts';
import { fakeAzureClis } from '../support/fakeAzureClis.ts';
import { type Entity, Refusal } from '../support/standInDirectory.ts';
import { type StandInGraph, startStandInGraph } from '../support/standInGraph.ts';

const TOKEN = 'canary-token';
const tenantId = '0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a0a';
const deployer = '0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b';
const principals = {
  mcp: '0c0c0c0c-0c0c-4c0c-8c0c-0c0c0c0c0c0c',
  management: '0d0d0d0d-0d0d-4d0d-8d0d-0d0d0d0d0d0d',
  external: '0e0e0e0e-0e0e-4e0e-8e0e-0e0e0e0e0e0e',
};
const origins = {
  MREG_PUBLIC_ORIGIN: 'https://mcp.contoso.com',
  MREG_MANAGEMENT_ORIGIN: 'https://registry.contoso.com',
};
const MREG_IDENTITIES = JSON.stringify([
  { name: 'id-mcp', app: 'mcp', principalId: principals.mcp, clientId: principals.mcp },
  { name: 'id-management', app: 'management', principalId: principals.management, clientId: principals.mcp },
  { name: 'id-agent', principalId: principals.external, clientId: principals.mcp },
]);
const deployed = { AZURE_ENV_NAME: 'dev', ...origins, MREG_IDENTITIES };

let graph: StandInGraph;
let waits: number[];
let lines: string[];
let results: Record<string, string>;
beforeEach(async () => {
  graph = await startStandInGraph(TOKEN);
  waits = [];
});
afterEach(async () => {
  // The next file of this worker looks for programs when it is loaded.
  vi.unstubAllEnvs();
  await graph.close();
});

/** Runs the command. `lines` and `results` are those of the last run. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}, token = TOKEN) {
  graph.writes.length = 0;
  graph.requests.length = 0;
  lines = [];
  results = {};
  await runEntra(args, {
    origin: graph.origin,
    env,
    signIn: () => Promise.resolve({ token, tenantId, principalId: deployer }),
    wait: (ms) => Promise.resolve(waits.push(ms)),
    report: (line) => lines.push(line),
    print: (line) => {
      const [name = '', value = ''] = line.split('=', 2);
      results[name] = value;
    },
  });
}

const appOf = (id: string | undefined): Entity =>
  graph.directory.applications.find(({ appId }) => appId === id) ?? expect.fail(`no application ${id ?? ''}`);
const api = () => appOf(results['MREG_API_CLIENT_ID']);
const signIn = () => appOf(results['MREG_SIGN_IN_CLIENT_ID']);
const valuesOf = (list: unknown, member: string) => (list as Entity[]).map((entry) => entry[member]);
const everything = () =>
  JSON.stringify([
    graph.directory.applications,
    graph.directory.servicePrincipals,
    graph.directory.assignments,
    [...graph.directory.credentials],
  ]);

describe('ensure', () => {
  test('makes both registrations, closes the API to people without a role, and gives the deployer the role Admin', async () => {
    await run(['ensure'], { AZURE_ENV_NAME: 'dev', ...origins });
    expect(api()).toMatchObject({
      uniqueName: 'mcp-registry-gateway-api-dev',
      displayName: 'MCP Registry Gateway (dev)',
      signInAudience: 'AzureADMyOrg',
      identifierUris: [`api://${String(api()['appId'])}`, 'https://mcp.contoso.com/mcp'],
      api: { requestedAccessTokenVersion: 2 },
    });
    expect(valuesOf((api()['api'] as Entity)['preAuthorizedApplications'], 'appId')).toContain(
      signIn()['appId'],
    );
    expect(signIn()).toMatchObject({
      web: {
        redirectUris: [
          'https://registry.contoso.com/portal/callback',
          'https://mcp.contoso.com/oauth/callback',
        ],
      },
      requiredResourceAccess: [{ resourceAppId: api()['appId'] }],
    });
    expect(graph.directory.servicePrincipals).toMatchObject([
      { appId: api()['appId'], appRoleAssignmentRequired: true },
      { appId: signIn()['appId'], appRoleAssignmentRequired: false },
    ]);
    const admin = (api()['appRoles'] as Entity[]).find(({ value }) => value === 'Gateway.Admin');
    expect(graph.directory.assignments).toMatchObject([{ principalId: deployer, appRoleId: admin?.['id'] }]);
    expect(results['MREG_MANAGED_API_CLIENT_ID']).toBe(results['MREG_API_CLIENT_ID']);
  });

  test('writes nothing the second time, and adds only what is new when the origins are known', async () => {
    await run(['ensure']);
    const first = results;
    await run(['ensure'], first);
    expect(graph.writes).toEqual([]);
    expect(lines).toEqual(['Nothing to change in Entra.']);
    expect(results).toEqual(first);
    await run(['ensure'], { ...first, ...origins });
    expect(graph.writes).toHaveLength(2);
    expect(lines.join()).toMatch(
      /add identifierUris https:\/\/mcp\.contoso\.com\/mcp,.*add web\.redirectUris/,
    );
  });

  test('asks for no secret, makes none and prints none', async () => {
    await run(['ensure'], origins);
    expect(graph.requests.filter((request) => /addPassword|addKey/.test(request))).toEqual([]);
    expect([...lines, ...Object.values(results)].join()).not.toContain(TOKEN);
    expect(everything()).not.toMatch(/secretText|passwordCredentials|keyCredentials/);
  });

  test('keeps what others put into the registration, whichever list it is in', async () => {
    await run(['ensure'], origins);
    const app = api();
    const role = {
      id: 'r1',
      value: 'Reports.Read',
      displayName: 'x',
      description: 'x',
      isEnabled: true,
      allowedMemberTypes: ['User'],
    };
    const scope = { id: 's1', value: 'reports', type: 'Admin', isEnabled: true };
    Object.assign(app, {
      displayName: 'Renamed',
      identifierUris: ['https://reports.contoso.com'],
      appRoles: [role],
      optionalClaims: { idToken: [{ name: 'email' }], accessToken: [], saml2Token: [] },
      api: {
        ...(app['api'] as Entity),
        acceptMappedClaims: true,
        knownClientApplications: ['known'],
        oauth2PermissionScopes: [scope],
        preAuthorizedApplications: [{ appId: 'theirs', delegatedPermissionIds: ['s1'] }],
      },
    });
    Object.assign(signIn()['web'] as Entity, {
      homePageUrl: 'https://home',
      redirectUris: ['https://theirs'],
    });
    await run(['ensure'], { ...results, ...origins });
    expect(app).toMatchObject({
      displayName: 'Renamed',
      optionalClaims: { idToken: [{ name: 'email' }], accessToken: [{ name: 'idtyp' }] },
      api: { acceptMappedClaims: true, knownClientApplications: ['known'] },
    });
    expect((app['identifierUris'] as string[])[0]).toBe('https://reports.contoso.com');
    expect(app['appRoles']).toHaveLength(5);
    expect((app['appRoles'] as Entity[])[0]).toEqual(role);
    const { oauth2PermissionScopes, preAuthorizedApplications } = app['api'] as Entity;
    expect((oauth2PermissionScopes as Entity[])[0]).toEqual(scope);
    expect(valuesOf(preAuthorizedApplications, 'appId')).toContain('theirs');
    expect(signIn()['web']).toMatchObject({ homePageUrl: 'https://home' });
    expect((signIn()['web'] as { redirectUris: string[] }).redirectUris).toContain('https://theirs');
  });

  test('goes on without the URL of an endpoint whose domain is not verified, and says so', async () => {
    const azure = { MREG_PUBLIC_ORIGIN: 'https://func-mcp.azurewebsites.net' };
    await run(['ensure'], azure);
    expect(api()['identifierUris']).toEqual([`api://${String(api()['appId'])}`]);
    expect(graph.directory.assignments).toHaveLength(1);
    expect(lines.join()).toContain('Set MREG_PUBLIC_ORIGIN to an origin under a verified domain');
  });

  test('leaves the directory alone where the user named a registration', async () => {
    await run(['ensure'], { MREG_API_CLIENT_ID: deployer });
    expect(graph.requests).toEqual([]);
    expect(lines.join()).toContain(`a registration of your own: ${deployer}`);
    expect(results).toEqual({});
  });

  test('lets people of a second tenant in', async () => {
    await run(['ensure'], { ...origins, MREG_TENANTS: `${tenantId},${deployer}` });
    expect(api()['signInAudience']).toBe('AzureADMultipleOrgs');
    expect(api()['identifierUris']).toContain(`https://mcp.contoso.com/mcp?tenant=${deployer}`);
  });
});

describe('federate', () => {
  const credentials = (of = api()) => graph.directory.credentials.get(of['id']) ?? [];

  test('lets the identity of each app act as both registrations, and the one of an external agent not', async () => {
    await run(['ensure'], { AZURE_ENV_NAME: 'dev' });
    await run(['federate'], { ...results, ...deployed });
    const common = {
      issuer: `https://login.microsoftonline.com/${tenantId}/v2.0`,
      audiences: ['api://AzureADTokenExchange'],
    };
    expect(credentials()).toMatchObject([
      { ...common, name: 'id-mcp', subject: principals.mcp },
      { ...common, name: 'id-management', subject: principals.management },
    ]);
    expect(valuesOf(credentials(signIn()), 'subject')).toEqual([principals.mcp, principals.management]);
    expect(signIn()['web']).toMatchObject({
      redirectUris: expect.arrayContaining(['https://mcp.contoso.com/oauth/callback']) as string[],
    });
    expect(api()['identifierUris']).toContain('https://mcp.contoso.com/mcp');
    await run(['federate'], { ...results, ...deployed });
    expect(graph.writes).toEqual([]);
  });

  test('corrects its own credential, keeps those of others, and accepts one of another name', async () => {
    await run(['ensure'], { AZURE_ENV_NAME: 'dev' });
    const issuer = `https://login.microsoftonline.com/${tenantId}/v2.0`;
    const audiences = ['api://AzureADTokenExchange'];
    graph.directory.credentials.set(api()['id'], [
      { name: 'theirs', issuer: 'https://token.actions.githubusercontent.com', subject: 'repo', audiences },
      { name: 'id-mcp', issuer, subject: 'an identity that is gone', audiences },
      { name: 'by hand', issuer, subject: principals.management, audiences },
    ]);
    graph.pageSize = 1;
    await run(['federate'], { ...results, ...deployed });
    expect(valuesOf(credentials(), 'name')).toEqual(['theirs', 'id-mcp', 'by hand']);
    expect(credentials()[1]?.['subject']).toBe(principals.mcp);
  });

  test('needs the identities, and says where it can read them', async () => {
    await expect(run(['federate'])).rejects.toThrow(
      /^MREG_IDENTITIES is not set\..*npm run entra -- federate --environment E$/,
    );
  });

  test('of a registration of the user only says what that needs', async () => {
    await run(['federate'], { ...deployed, MREG_API_CLIENT_ID: deployer, AZURE_TENANT_ID: tenantId });
    expect(graph.requests).toEqual([]);
    expect(lines.filter((line) => line.includes('federated credential'))).toHaveLength(2);
    expect(lines.join()).toContain(`issuer https://login.microsoftonline.com/${tenantId}/v2.0`);
    expect(lines.join()).toContain(`subject ${principals.mcp}`);
    expect(lines.join()).not.toContain('AZURE_TENANT_ID');
  });

  test('of registrations of the user says what the one of the sign-in needs', async () => {
    const own = { MREG_API_CLIENT_ID: deployer, MREG_SIGN_IN_CLIENT_ID: deployer };
    await run(['federate'], { ...deployed, ...own, AZURE_TENANT_ID: tenantId });
    expect(graph.requests).toEqual([]);
    expect(lines.at(-1)).toContain('https://mcp.contoso.com/oauth/callback');
  });

  test('of a registration of the user says that the tenant is a placeholder when it is not known', async () => {
    await run(['federate'], { ...deployed, MREG_API_CLIENT_ID: deployer });
    expect(lines[1]).toBe(
      'AZURE_TENANT_ID is not set. Replace {tenant id} with the id of the tenant of the registration.',
    );
    expect(lines[2]).toContain('issuer https://login.microsoftonline.com/{tenant id}/v2.0');
  });
});

test('with --environment the values come from that environment of azd alone, and the results go to it', async () => {
  const clis = await fakeAzureClis();
  try {
    vi.stubEnv('PATH', clis.folder);
    const values = { ...deployed, MREG_API_CLIENT_ID: '' };
    await clis.add('azd', [
      { args: /^env get-values --environment dev/, stdout: JSON.stringify(values) },
      { args: /^env set/ },
    ]);
    await run(['federate', '--environment', 'dev'], {
      AZURE_ENV_NAME: 'of the shell',
      MREG_TENANTS: 'wrong',
    });
    const app = graph.directory.applications.find(
      ({ uniqueName }) => uniqueName === 'mcp-registry-gateway-api-dev',
    );
    expect(valuesOf(graph.directory.credentials.get(app?.['id']), 'name')).toEqual([
      'id-mcp',
      'id-management',
    ]);
    expect(results).toEqual({});
    const [, set] = await clis.calls();
    expect(set).toEqual([
      'azd',
      'env',
      'set',
      `MREG_API_CLIENT_ID=${String(app?.['appId'])}`,
      `MREG_MANAGED_API_CLIENT_ID=${String(app?.['appId'])}`,
      expect.stringMatching(/^MREG_SIGN_IN_CLIENT_ID=/),
      '--environment',
      'dev',
      '--no-prompt',
    ]);
  } finally {
    await clis.remove();
  }
});

test('with --azd the results that are new go to the azd environment of the hook, and a dry run sets none', async () => {
  const clis = await fakeAzureClis();
  try {
    vi.stubEnv('PATH', clis.folder);
    await clis.add('azd', [{ args: /^env set/ }]);
    await run(['ensure']);
    const ids = results;
    await run(['ensure', '--azd', '--dry-run']);
    expect(await clis.calls()).toEqual([]);
    expect(lines.join()).toContain(`would set MREG_API_CLIENT_ID=${ids['MREG_API_CLIENT_ID'] ?? ''} in azd`);
    const pairs = Object.entries(ids).map(([name, value]) => `${name}=${value}`);
    expect(pairs).toHaveLength(3);
    await run(['ensure', '--azd']);
    expect(await clis.calls()).toEqual([['azd', 'env', 'set', ...pairs, '--no-prompt']]);
    await run(['ensure', '--azd'], ids);
    expect(await clis.calls()).toHaveLength(1);
    expect(results).toEqual({});
  } finally {
    await clis.remove();
  }
});

describe('a dry run', () => {
  test.each(['ensure', 'federate'])(
    'of %s on an empty directory tells the whole plan and writes nothing',
    async (command) => {
      await run([command, '--dry-run'], deployed);
      expect(graph.writes).toEqual([]);
      expect(graph.directory.applications).toEqual([]);
      expect(lines.every((line) => line.startsWith('would '))).toBe(true);
      expect(lines.join('\n')).toMatch(
        /create the app registration[^]*Gateway\.Admin[^]*service principal[^]*assign the role/,
      );
      expect(results).toEqual({});
    },
  );

  test('on a registration that differs tells the difference and writes nothing', async () => {
    await run(['ensure'], { AZURE_ENV_NAME: 'dev' });
    const before = everything();
    await run(['federate', '--dry-run'], { ...results, ...deployed });
    expect(everything()).toBe(before);
    expect(graph.writes).toEqual([]);
    expect(lines.join('\n')).toContain(`would create the federated credential id-mcp`);
  });
});

describe('Graph that is slow, busy or away', () => {
  test('a new object that is not there yet is asked for again', async () => {
    graph.faults.lag = 3;
    await run(['federate'], deployed);
    expect(graph.directory.assignments).toHaveLength(1);
    expect(waits.length).toBeGreaterThan(8);
    expect(Math.max(...waits)).toBeLessThan(15_001);
  });

  test.each([
    {
      requests: /^PATCH applications\//,
      says: 'Property api.preAuthorizedApplications.delegatedPermissionIds has a Permission Id that cannot be found in the AppPermissions sets.',
    },
    {
      requests: /^PATCH servicePrincipals/,
      says: "The appId 'x' of the service principal does not reference a valid application object.",
    },
    { requests: /^POST .*appRoleAssignedTo/, says: 'Permission being assigned was not found on application' },
  ])('a new application that Entra does not know everywhere yet: $says', async ({ requests, says }) => {
    graph.faults.refuse = { requests, times: 2, refusal: new Refusal(400, 'Request_BadRequest', says) };
    await run(['ensure']);
    expect(waits).toEqual([500, 1_000]);
    expect(graph.directory.assignments).toHaveLength(1);
  });

  test('any other refusal is final', async () => {
    const refusal = new Refusal(400, 'InvalidValue', 'No.');
    graph.faults.refuse = { requests: /^PATCH/, times: 1, refusal };
    await expect(run(['ensure'])).rejects.toThrow(
      "answered 400 to PATCH applications(uniqueName='mcp-registry-gateway-sign-in'): InvalidValue No.",
    );
    expect(waits).toEqual([]);
  });

  test('the command waits as long as Graph says, and tries again after 429 and 5xx', async () => {
    graph.faults.next.push({ status: 429, retryAfter: '17' }, { status: 503 }, { status: 500 });
    await run(['ensure']);
    expect(waits).toEqual([17_000, 1_000, 2_000]);
  });

  test.each([
    { fault: { status: 503 }, attempts: 9, why: 'after nine attempts' },
    { fault: { status: 429, retryAfter: '900' }, attempts: 1, why: 'at once where the wait is too long' },
  ])('the command gives up $why', async ({ fault, attempts }) => {
    graph.faults.next.push(...Array.from({ length: 20 }, () => fault));
    await expect(run(['ensure'])).rejects.toThrow(/answered \d+ to GET applications.*try again later/);
    expect(graph.requests).toHaveLength(attempts);
  });

  test('an assignment whose answer was lost counts as made', async () => {
    graph.faults.loseAnswerOf = /^POST .*appRoleAssignedTo/;
    await run(['ensure']);
    expect(graph.directory.assignments).toHaveLength(1);
  });

  test('all pages of a list are read', async () => {
    await run(['ensure']);
    const { id } = graph.directory.servicePrincipals[0] ?? {};
    const mine = graph.directory.assignments.splice(0);
    for (let n = 0; n < 5; n++)
      graph.directory.assignments.push({ principalId: `p${n}`, appRoleId: 'r', resourceId: id });
    graph.directory.assignments.push(...mine);
    graph.pageSize = 2;
    await run(['ensure'], results);
    expect(graph.writes).toEqual([]);
  });

  test('a page of another host is not asked for, so the token stays with Graph', async () => {
    await run(['federate'], deployed);
    graph.pageSize = 1;
    graph.linkOrigin = 'http://127.0.0.1:9';
    await expect(run(['federate'], { ...results, ...deployed })).rejects.toThrow('a link to another host');
  });
});

describe('errors are one line that says what to do', () => {
  test.each([
    { forbidden: /^GET applications/, needs: 'Application.ReadWrite.All' },
    { forbidden: /^PATCH applications/, needs: 'Application Developer' },
    { forbidden: /appRoleAssignedTo/, needs: 'AppRoleAssignment.ReadWrite.All' },
  ])('without the right to $forbidden', async ({ forbidden, needs }) => {
    graph.faults.refuse = {
      requests: forbidden,
      times: Infinity,
      refusal: new Refusal(403, 'Authorization_RequestDenied', 'Insufficient privileges.'),
    };
    const error: unknown = await run(['ensure']).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LocalError);
    const { message } = error as LocalError;
    expect(message).toContain(needs);
    expect(message).toContain('set MREG_API_CLIENT_ID');
    expect(message).not.toMatch(/\n|canary/);
  });

  test('with a sign-in that Graph does not accept', async () => {
    await expect(run(['ensure'], {}, 'old')).rejects.toThrow('Sign in again: azd auth login, or az login');
  });

  test('with an answer of another shape', async () => {
    graph.faults.next.push({ status: 200, body: { id: 'x' } });
    await expect(run(['ensure'])).rejects.toThrow('answered an app registration that cannot be read: appId');
  });

  test('without a Graph at all', async () => {
    await graph.close();
    await expect(run(['ensure'])).rejects.toThrow('Microsoft Graph cannot be reached: ECONNREFUSED');
  });
});
