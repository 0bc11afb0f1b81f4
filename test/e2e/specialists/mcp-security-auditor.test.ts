import { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { secondTenant } from '../../../infra/local/defaults.ts';
import { storageConnection } from '../../../infra/local/settings.ts';
import { join, splitPacked } from '../../../shared/platform/tables/tableDocument.ts';
import { type Api, managementApi } from '../../support/managementApi.ts';
import { startTestTopology, type TestTopology } from '../../support/topology.ts';

interface Result {
  readonly passed?: boolean;
  readonly error?: string;
  readonly status?: string;
  readonly findings: readonly { rule: string; severity: string; message: string }[];
  readonly [field: string]: unknown;
}

let topology: TestTopology;
let token: string;
let admin: Api;
let sessionId: string;
beforeAll(async () => {
  topology = await startTestTopology();
  token = await topology.mint({ role: 'Admin' });
  admin = managementApi(topology.urls.management, token);
  sessionId = String((await admin.post('/sessions', { keepToken: true })).body['id']);
});
afterAll(() => topology.stop());

/** The result of a task that was asked for over HTTP and ran in the mcp app. */
async function run(task: string, { input = {}, session = true, api = admin } = {}): Promise<Result> {
  const asked = await api.post('/delegations?wait=30', {
    agent: 'mcp-security-auditor',
    task,
    input,
    ...(session && { sessionId }),
  });
  const { body } = await api.get(asked.headers.get('location') ?? '');
  expect(body).toMatchObject({ state: 'succeeded' });
  const text = JSON.stringify(body);
  for (const part of token.split('.')) expect(text).not.toContain(part);
  expect(text).not.toMatch(/\n\s+at |node_modules/);
  return body['result'] as Result;
}
const rulesOf = ({ findings }: Result) => findings.map(({ rule }) => rule);
const bad = ({ findings }: Result) => findings.filter(({ severity }) => severity !== 'info');

const checks = [
  'azure_oauth_validation',
  'oauth_flow_end_to_end_test',
  'audit_logging_verification',
  'jwt_token_validation_test',
  'role_based_access_test',
  'tenant_isolation_test',
  'audit_trail_completeness',
];

describe('on a healthy topology', () => {
  test.each(checks)('%s passes without a warning, with the token of the session', async (check) => {
    const result = await run(check);
    expect(bad(result)).toEqual([]);
    expect(result).toMatchObject({ passed: true });
    expect(rulesOf(result)).not.toContain('token_not_kept');
    expect(Object.keys(result['evidence'] as object)).not.toEqual([]);
  });

  test.each(checks)('%s passes without a session, and says what it could not look at', async (check) => {
    const result = await run(check, { session: false });
    expect(bad(result)).toEqual([]);
    expect(result.passed).toBe(true);
  });

  test('the issuer is reached, and is as the app expects it', async () => {
    expect(await run('validate_azure_connectivity')).toMatchObject({ status: 'healthy', findings: [] });
    const setup = await run('azure_oauth_setup', { session: false });
    expect(rulesOf(setup)).toEqual(expect.arrayContaining(['token_not_kept']));
    expect(setup['facts']).toMatchObject({ tenants: [{ usableKeys: 1 }, { usableKeys: 1 }] });
  });

  test('a token is accepted by every rule', async () => {
    const { verdict, decidedBy, steps } = await run('jwt_token_validation');
    expect([verdict, decidedBy]).toEqual(['accepted', undefined]);
    expect((steps as { passed: boolean }[]).every(({ passed }) => passed)).toBe(true);
  });

  test('roles are evaluated for the owner of the session, and for any other', async () => {
    const own = await run('role_based_access');
    expect(own).toMatchObject({ roles: ['Admin'], facts: { denied: 0 } });
    const user = await run('role_based_access', { input: { role: 'User', tool: 'nowhere__look' } });
    expect(user).toMatchObject({ roles: ['User'], tool: { server: 'nowhere', allowed: false } });
  });

  test('the report and the analysis of the trail are told', async () => {
    const report = await run('generate_security_report');
    expect(report.findings.filter(({ severity }) => severity === 'critical')).toEqual([]);
    const analysis = await run('audit_trail_analysis');
    expect(analysis['facts']).toMatchObject({ verified: expect.any(Number) as number });
  });

  test('what is made to try the tenants is gone afterwards', async () => {
    const { evidence } = await run('tenant_isolation_test');
    const { madeUpTenant } = evidence as { madeUpTenant: string };
    for (const table of ['servers', 'toolsets', 'delegations', 'plans']) {
      const rows = clientOf(table).listEntities();
      for await (const { partitionKey } of rows) expect(partitionKey).not.toContain(madeUpTenant);
    }
  });

  test('refusals of another tenant are nothing to this one', async () => {
    const other = managementApi(
      topology.urls.management,
      await topology.mint({ role: 'Admin', tenant: secondTenant }),
    );
    const forger = managementApi(topology.urls.management, 'no.real.token');
    await forger.get('/servers');
    const { facts } = await run('audit_trail_analysis', { session: false, api: other });
    expect(JSON.stringify(facts)).not.toContain('malformed');
  });
});

const clientOf = (table: string) =>
  TableClient.fromConnectionString(storageConnection(topology.ports), table, {
    allowInsecureConnection: true,
  });

describe('a fault', () => {
  test('refused tokens are told by what they have in common', async () => {
    const forger = managementApi(topology.urls.management, 'no.real.token');
    for (let time = 0; time < 12; time++) await forger.get('/servers');
    const found = () =>
      admin
        .get('/audit?action=refusals.found&actor=mcp-security-auditor')
        .then(({ body }) => body['items'] as { resource: string; count: number }[]);
    await expect.poll(async () => (await found()).length, { timeout: 20_000 }).toBeGreaterThan(0);
    const [first] = (await found()).filter(({ resource }) => resource.endsWith('/malformed'));
    expect(first?.count).toBeGreaterThanOrEqual(10);
  });

  test('a key that is taken back is named, while the app still believes the token', async () => {
    await topology.rotateKey();
    const result = await run('jwt_token_validation');
    expect(result).toMatchObject({ verdict: 'accepted', decidedBy: 'key' });
    expect(rulesOf(result)).toEqual(['token_key']);
  });

  test('an issuer that is away is named by every look at it, and by the rest of the way', async () => {
    await topology.kill('issuer');
    const [validation, health, flow] = await Promise.all([
      run('azure_oauth_validation'),
      run('validate_azure_connectivity'),
      run('oauth_flow_end_to_end_test'),
    ]);
    expect(validation).toMatchObject({
      passed: false,
      error: expect.stringContaining('connection refused') as string,
    });
    expect(rulesOf(validation)).toEqual(
      expect.arrayContaining(['discovery_unreachable', 'keys_unreachable']),
    );
    expect(health.status).toBe('failed');
    expect(flow.passed).toBe(false);
    await topology.restart('issuer');
  });

  test.each([
    ['edited', 'audit_logging_verification'],
    ['deleted', 'audit_trail_completeness'],
  ])('a record that was %s is found by %s', async (reason, check) => {
    const audit = clientOf('audit');
    // Of the mcp app's own chain, which goes on while the check runs.
    const { body } = await admin.get(
      '/audit?action=delegations.run&resource=agents/mcp-security-auditor/tasks/azure_oauth_validation',
    );
    const { id } = (body['items'] as { id: string }[])[0] ?? { id: '' };
    const blocks = audit.listEntities({
      queryOptions: { filter: "RowKey ge 'b' and RowKey lt 'c'" },
    });
    for await (const block of blocks) {
      const { partitionKey = '', rowKey = '', oldest } = block;
      const lines = join(block).split('\n');
      const place = lines.findIndex((line) => line.includes(`"id":"${id}"`));
      const line = lines[place];
      if (line === undefined) continue;
      const edited = line.replace(/"actor":"[^"]*"/, '"actor":"somebody else"');
      lines.splice(place, 1, ...(reason === 'deleted' ? [] : [edited]));
      const entity = { ...block, partitionKey, rowKey };
      if (lines.length === 0) await audit.deleteEntity(partitionKey, rowKey);
      else {
        const changed = { partitionKey, rowKey, oldest, ...splitPacked(lines.join('\n')) };
        await audit.updateEntity(changed, 'Replace');
      }
      const result = await run(check);
      await audit.upsertEntity(entity, 'Replace');
      expect(result.passed).toBe(false);
      expect(result.findings).toContainEqual(
        expect.objectContaining({
          rule: 'trail_tampered',
          evidence: expect.objectContaining({ id, reason }) as object,
        }),
      );
      expect(await run(check)).toMatchObject({ passed: true });
      return;
    }
    expect.unreachable('there is such a record');
  });
});
