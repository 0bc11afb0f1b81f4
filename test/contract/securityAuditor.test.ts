import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../shared/audit/model/record.ts';
import { segmentOf } from '../../shared/audit/model/trailStore.ts';
import { bearerToken } from '../../shared/identity/tokens/bearerToken.ts';
import { finish, newDelegation } from '../../shared/orchestration/model/delegation.ts';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import {
  type AuditorWorld,
  auditorWorld,
  type Given,
  json,
  type Ran,
  tenant,
} from '../support/auditorWorld.ts';
import { newKey } from '../support/jwks.ts';

let world: AuditorWorld;
beforeAll(async () => {
  world = await auditorWorld();
});
afterEach(() => {
  world.replies.clear();
});
afterAll(() => world.close());

const serious = ({ findings }: Ran) =>
  findings.filter(({ severity }) => severity !== 'info').map(({ rule }) => rule);
const run = (task: string, given?: Given) => world.run(task, given);
const kept = async (): Promise<Given> => ({ token: await world.token() });

const discovery = `/${tenant}/v2.0/.well-known/openid-configuration`;
const keys = `/${tenant}/discovery/v2.0/keys`;

test.each([
  'azure_oauth_validation',
  'oauth_flow_end_to_end_test',
  'audit_logging_verification',
  'jwt_token_validation_test',
  'tenant_isolation_test',
  'audit_trail_completeness',
])('%s passes where all is well', async (check) => {
  expect(await run(check, await kept())).toMatchObject({ passed: true });
  expect(serious(await run(check, await kept()))).toEqual([]);
});

describe('the configuration of sign-in', () => {
  test.each<[string, string, Parameters<AuditorWorld['replies']['set']>[1], string]>([
    ['an error', discovery, json(503, {}), 'discovery_unreachable'],
    ['no document', discovery, json(200, []), 'discovery_unreachable'],
    [
      'another issuer',
      discovery,
      json(200, { issuer: 'https://a.example', jwks_uri: 'x' }),
      'issuer_mismatch',
    ],
    ['an error', keys, json(500, {}), 'keys_unreachable'],
    ['no key', keys, json(200, { keys: [] }), 'no_usable_key'],
    [
      'a key of another issuer',
      keys,
      json(200, { keys: [{ kty: 'RSA', kid: 'k', issuer: 'x' }] }),
      'no_usable_key',
    ],
  ])('%s at %s fails the check and the health, by name', async (_, path, reply, rule) => {
    world.replies.set(path, reply);
    const [check, health] = [await run('azure_oauth_validation'), await run('validate_azure_connectivity')];
    expect([check.passed, health.status]).toEqual([false, 'failed']);
    expect(serious(check)).toContain(rule);
    expect(serious(health)).toContain(rule);
  });

  test('an issuer that hangs is a finding in time', async () => {
    world.replies.set(discovery, () => undefined);
    const health = await run('validate_azure_connectivity');
    expect(health.findings).toContainEqual(
      expect.objectContaining({
        rule: 'discovery_unreachable',
        message: expect.stringContaining('no answer in time') as string,
      }),
    );
  });

  test('a wrong audience in the settings is found by the token of the session', async () => {
    const config = { ...world.deps.config, apiClientId: tenant };
    const check = await run('azure_oauth_validation', { ...(await kept()), deps: { config } });
    expect(check).toMatchObject({ passed: false });
    expect(serious(check)).toEqual(['token_audience']);
    const explained = await run('jwt_token_validation', { ...(await kept()), deps: { config } });
    expect(explained).toMatchObject({ decidedBy: 'audience' });
  });

  test('refusals of the last day that a setting causes are told', async () => {
    world.deps.audit.append(refusal('sign_in', 'wrong_audience'));
    await world.deps.audit.flush();
    expect(serious(await run('azure_oauth_setup'))).toContain('tokens_refused');
  });
});

describe('a token', () => {
  test.each([
    ['audience', { aud: tenant }, 'wrong_audience'],
    ['expiry', { exp: 1_000 }, 'expired'],
    ['role', { roles: ['Admin'] }, 'no_role'],
    ['claims', { oid: 'ada@contoso.com' }, 'wrong_claims'],
  ])('is explained by the rule "%s", and never shown', async (rule, claims, refusal) => {
    const token = await world.token(claims);
    const explained = await run('jwt_token_validation', { token });
    expect(explained).toMatchObject({ verdict: 'refused', decidedBy: rule, facts: { refusal } });
    for (const part of token.split('.')) expect(JSON.stringify(explained)).not.toContain(part);
  });

  test("of the gateway's own is explained like one of Entra, for the endpoint that it names", async () => {
    for (const [resource, verdict, decidedBy] of [
      [`${world.origin}/servers/stock/mcp`, 'accepted', undefined],
      [`${world.origin}/servers`, 'refused', 'audience'],
    ] as const) {
      const token = await world.gatewayToken(resource);
      const explained = await run('jwt_token_validation', { token });
      expect([explained['verdict'], explained['decidedBy']]).toEqual([verdict, decidedBy]);
      for (const part of token.split('.')) expect(JSON.stringify(explained)).not.toContain(part);
    }
  });

  test("of the gateway's own is sent to no endpoint that it is not for", async () => {
    const token = await world.gatewayToken(`${world.origin}/servers/stock/mcp`);
    const check = await run('oauth_flow_end_to_end_test', { token });
    expect([serious(check), check.findings.map(({ rule }) => rule)]).toEqual([[], ['token_not_kept']]);
  });

  test('of a key that is published no longer is named as that', async () => {
    const { jwk } = await newKey('next');
    await run('jwt_token_validation', await kept());
    world.replies.set(keys, json(200, { keys: [{ ...jwk, issuer: `${world.origin}/{tenantid}/v2.0` }] }));
    expect(await run('jwt_token_validation', await kept())).toMatchObject({
      verdict: 'accepted',
      decidedBy: 'key',
    });
  });
});

describe('a verifier', () => {
  test('that lets an unsigned token in is found, by what it lets in', async () => {
    const lenient: typeof world.deps.verifyToken = (authorization, resource) => {
      const [header = ''] = (authorization ?? '').slice('Bearer '.length).split('.');
      const isUnsigned = Buffer.from(header, 'base64url').toString().includes('"alg":"none"');
      return isUnsigned && bearerToken(authorization) !== undefined
        ? Promise.resolve({
            actor: {
              tenantId: tenant,
              userId: 'u',
              kind: 'user',
              clientId: 'c',
              roles: ['Admin'],
              expiresAt: 0,
            },
          })
        : world.deps.verifyToken(authorization, resource);
    };
    const check = await run('jwt_token_validation_test', { deps: { verifyToken: lenient } });
    expect(check).toMatchObject({ passed: false, error: expect.stringContaining('unsigned') as string });
    // An unsigned token of each issuer.
    expect(serious(check)).toEqual(['forgery_accepted', 'forgery_accepted']);
  });

  test('that cannot be asked for want of keys does not pass', async () => {
    world.replies.set(keys, json(500, {}));
    expect(serious(await run('jwt_token_validation_test'))).toContain('keys_unreachable');
  });

  test('whose app lets forgeries in over HTTP, or tells clients nothing, is found', async () => {
    world.replies.set('POST /mcp', json(200, {}));
    expect(serious(await run('jwt_token_validation_test'))).toContain('forgery_not_refused');
    world.replies.set('POST /mcp', json(401, {}));
    expect(serious(await run('jwt_token_validation_test'))).toContain('challenge_missing');
  });
});

describe('the way of a client', () => {
  test.each<[string, string, Parameters<AuditorWorld['replies']['set']>[1], string]>([
    ['no challenge', 'POST /mcp', json(200, {}), 'no_challenge'],
    [
      'a challenge without metadata',
      'POST /mcp',
      json(401, {}, { 'www-authenticate': 'Bearer' }),
      'challenge_incomplete',
    ],
    [
      'a challenge that leads elsewhere',
      'POST /mcp',
      json(
        401,
        {},
        {
          'www-authenticate': `Bearer resource_metadata="https://a.example/x", scope="https://a.example/mcp/mcp.access"`,
        },
      ),
      'challenge_elsewhere',
    ],
    ['no metadata', '/.well-known/oauth-protected-resource/mcp', json(404, {}), 'metadata_missing'],
    [
      'metadata of something else',
      '/.well-known/oauth-protected-resource/mcp',
      json(200, { resource: 'x', authorization_servers: ['x'], scopes_supported: [] }),
      'resource_mismatch',
    ],
  ])('that meets %s ends there, by name', async (_, path, reply, rule) => {
    world.replies.set(path, reply);
    const check = await run('oauth_flow_end_to_end_test');
    expect(check.passed).toBe(false);
    expect(serious(check)).toContain(rule);
  });

  test('with a token that the app refuses ends at the last step', async () => {
    const check = await run('oauth_flow_end_to_end_test', { token: await world.token({ exp: 1_000 }) });
    expect(serious(check)).toEqual(['token_refused']);
  });
});

describe('roles over HTTP', () => {
  test('a route that is open without a token, or to a role that lacks it, is named', async () => {
    world.replies.set('GET /audit', json(200, { items: [] }));
    const check = await run('role_based_access_test', { ...(await kept()), roles: ['User'] });
    const open = check.findings.filter(({ rule }) => rule === 'open_without_token');
    expect(open.map(({ evidence }) => evidence['permission'])).toEqual(['audit.read']);
    const lacking = check.findings.filter(({ rule }) => rule === 'open_without_role');
    expect(lacking.map(({ evidence }) => evidence['permission'])).toContain('audit.read');
  });
});

describe('tenants', () => {
  test('a store that gives away what is another tenant’s is found, and what was made is removed', async () => {
    const { servers } = world.deps;
    const made: string[] = [];
    const leaking: typeof servers = {
      ...servers,
      add: (record) => {
        made.push(record.tenantId);
        return servers.add(record);
      },
      find: (_, slug) => servers.find(made[0] ?? '', slug),
    };
    const check = await run('tenant_isolation_test', { deps: { servers: leaking } });
    expect(check).toMatchObject({ passed: false });
    expect(check.findings).toContainEqual(
      expect.objectContaining({ rule: 'tenant_leak', evidence: { what: 'server', by: 'store' } }),
    );
    expect((await servers.list(made[0] ?? '', {}, 10)).items).toEqual([]);
  });

  test('an app that gives it away over HTTP is found', async () => {
    world.replies.set('GET /servers', (request, response) => {
      const mark = new URL(request.url ?? '', world.origin).searchParams.get('search');
      json(200, { items: [{ slug: mark }] })(request, response);
    });
    const check = await run('tenant_isolation_test', await kept());
    expect(check.findings).toContainEqual(
      expect.objectContaining({ rule: 'tenant_leak', evidence: { what: 'list of servers', by: 'http' } }),
    );
  });

  test('a try that breaks off midway leaves nothing behind, and does not pass', async () => {
    const { plans, delegations, servers } = world.deps;
    const made: string[] = [];
    const failing: typeof plans = {
      ...plans,
      add: ({ tenantId }) => {
        made.push(tenantId);
        return Promise.reject(new InfrastructureError('tables', 'insert plans', undefined));
      },
    };
    const check = await run('tenant_isolation_test', { deps: { plans: failing } });
    expect(serious(check)).toEqual(['not_tried']);
    const [stranger = ''] = made;
    expect((await servers.list(stranger, {}, 10)).items).toEqual([]);
    expect((await delegations.list(stranger, {}, 10)).items).toEqual([]);
  });

  test('a store that finds nothing at all proves nothing', async () => {
    const { toolsets } = world.deps;
    const empty: typeof toolsets = { ...toolsets, find: () => Promise.resolve(undefined) };
    expect(serious(await run('tenant_isolation_test', { deps: { toolsets: empty } }))).toContain(
      'attempt_without_control',
    );
  });
});

const refusal = (action: string, resource: string): AuditEvent => ({
  tenantId: tenant,
  actor: 'unknown',
  action,
  resource,
  decision: 'refused',
  outcome: 'unauthenticated',
  durationMs: 0,
  traceId: 't',
});

describe('the audit trail', () => {
  test('a store that forgets what it was given is found', async () => {
    const trail = { ...world.deps.trail, records: () => Promise.resolve({ rows: [] }) };
    const check = await run('audit_logging_verification', { deps: { trail } });
    expect(serious(check)).toEqual(expect.arrayContaining(['record_missing', 'end_missing']));
  });

  test('a store that is away is a finding, and not a fault of the check', async () => {
    const away = () => Promise.reject(new InfrastructureError('tables', 'commit audit', undefined));
    const audit = { ...world.deps.audit, writeAhead: away };
    expect(serious(await run('audit_logging_verification', { deps: { audit } }))).toEqual(['not_written']);
  });

  test('work that no record tells of is named', async () => {
    const at = new Date(Date.now() - 120_000);
    const work = {
      id: 'abc',
      tenantId: tenant,
      agent: 'mcp-debugger',
      task: 'probe',
      input: {},
      requestedBy: '44444444-4444-4444-8444-444444444444',
      traceparent: '00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      deadline: at.toISOString(),
    } as const;
    const done = finish(newDelegation(work, at), { success: true, result: {} }, at);
    await world.deps.delegations.add(done);
    const check = await run('audit_trail_completeness');
    expect(serious(check)).toEqual(['request_unrecorded', 'end_unrecorded']);
    for (const action of ['delegations.create', 'delegations.run'])
      world.deps.audit.append({
        ...refusal(action, 'agents/mcp-debugger/tasks/probe'),
        decision: 'allowed',
        traceId: '1af7651916cd43dd8448eb211c80319c',
      });
    await world.deps.audit.flush();
    expect(serious(await run('audit_trail_completeness'))).toEqual([]);
  });

  test('an event of failed sign-ins is told by what the refusals share, and recorded', async () => {
    for (let count = 0; count < 12; count++) world.deps.audit.append(refusal('sign_in', 'bad_signature'));
    const event = {
      eventId: 'e1',
      type: 'authentication_failure',
      detail: { subject: 'bad_signature', count: 10 },
      raisedBy: 'mcp-orchestrator',
      raisedAt: new Date().toISOString(),
    };
    const handled = await run('handle_authentication_failure', { input: event });
    expect(handled).toMatchObject({ recorded: true });
    expect(handled.findings).toContainEqual(
      expect.objectContaining({
        rule: 'refusals_in_common',
        message: '12 refusals of bad_signature, by nobody who is known, all in one trace',
      }),
    );
    await world.deps.audit.flush();
    const query = { action: 'refusals.found', resource: 'events/e1/bad_signature' };
    const { rows } = await world.deps.trail.records(tenant, query, 5);
    expect(rows.map(({ document }) => document)).toMatchObject([{ count: 12 }]);
  });

  test('a segment that was cut off fails the checks and is in the report', async () => {
    const { rows } = await world.deps.trail.segments(tenant, 10);
    const [row] = rows.filter((one) => segmentOf(one)?.count !== 0);
    if (!row) expect.unreachable('there is a segment');
    await world.trail.write(tenant, { ...row, document: { ...(row.document as object), count: 1 } });
    const check = await run('audit_trail_completeness');
    const report = await run('generate_security_report');
    await world.trail.write(tenant, row);
    expect(serious(check)).toContain('trail_tampered');
    expect(report.findings[0]).toMatchObject({ rule: 'trail_tampered' });
  });
});
