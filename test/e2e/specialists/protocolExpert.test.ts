import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, managementApi } from '../../support/managementApi.ts';
import { onResult, put } from '../../support/protocol/breakages.ts';
import { type ProtocolServer, startProtocolServer } from '../../support/protocol/protocolServer.ts';
import type { Tamper } from '../../support/protocol/reply.ts';
import { type SharedTopology, useSharedTopology } from '../../support/sharedTopology.ts';

interface Found {
  readonly summary: string;
  readonly facts: Record<string, unknown>;
  readonly findings: readonly { rule: string; severity: string; evidence: Record<string, unknown> }[];
  readonly servers: readonly Record<string, unknown>[];
}

let topology: SharedTopology;
let admin: Api;
/** Breaks its answers once `broken` is set, as a server does that is changed after its registration. */
let changing: ProtocolServer;
let broken: Tamper | undefined;

beforeAll(async () => {
  topology = await useSharedTopology({ demo: true });
  admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  changing = await startProtocolServer({
    era: 'legacy',
    tamper: (reply, received) => broken?.(reply, received),
  });
  const registered = await admin.post('/servers?wait=20', { slug: 'changing', url: changing.url });
  expect(registered.body).toMatchObject({ status: 'active' });
});
afterAll(async () => {
  await topology.stop();
  await changing.close();
});

async function ask(task: string, input: object = {}): Promise<Found> {
  const body = await delegate({ agent: 'mcp-protocol-expert', task, input });
  expect(body).toMatchObject({ state: 'succeeded' });
  return body['result'] as Found;
}
async function delegate(work: object) {
  const { headers } = await admin.post('/delegations?wait=30', work);
  return (await admin.get(headers.get('location') ?? '')).body;
}
const rules = ({ findings }: Found, severity: string) =>
  findings.filter((finding) => finding.severity === severity).map(({ rule }) => rule);

describe('servers that keep the protocol', () => {
  test('pass every check that the specification calls a MUST', async () => {
    const found = await ask('mcp_specification_compliance');
    expect(found.servers).toMatchObject([
      { slug: 'changing', counts: { failed: 0 } },
      { slug: 'inventory', era: 'legacy', reached: true },
      { slug: 'toolbox', era: 'modern', reached: true },
    ]);
    expect(rules(found, 'critical')).toEqual([]);
  });

  test.each(['json_rpc_optimization', 'transport_layer_tuning', 'capability_negotiation'])(
    'have a row in %s, and nothing to mend',
    async (task) => {
      const found = await ask(task);
      expect(found.servers.map(({ slug }) => slug)).toEqual(['changing', 'inventory', 'toolbox']);
      expect([...rules(found, 'critical'), ...rules(found, 'warning')]).toEqual([]);
    },
  );

  test('are all in the report', async () => {
    const found = await ask('generate_compliance_report');
    expect(found.summary).toBe('Of 3 active servers, 3 have no critical finding and 0 have some.');
  });

  test('are routed to by the type of the task too', async () => {
    const work = { taskType: 'mcp_specification_compliance', input: { slug: 'inventory' } };
    expect(await delegate(work)).toMatchObject({
      agent: 'mcp-protocol-expert',
      result: { servers: [{ slug: 'inventory' }] },
    });
  });
});

test('a server that breaks the protocol after its registration is named by its event, with what it breaks', async () => {
  broken = onResult('tools/list', put('jsonrpc', '1.0'));
  const detail = { server: 'changing', kind: 'not_mcp' };
  const raised = await admin.post('/events', { type: 'protocol_violation', detail });
  const told = raised.body['delegations'] as { id: string; agent: string }[];
  const { id } = told.find(({ agent }) => agent === 'mcp-protocol-expert') ?? { id: '' };
  await expect
    .poll(async () => (await admin.get(`/delegations/${id}`)).body, { timeout: 30_000 })
    .toMatchObject({
      state: 'succeeded',
      result: {
        summary: 'changing breaks the protocol: jsonrpc_version.',
        findings: [{ rule: 'jsonrpc_version' }],
      },
    });
  await expect
    .poll(async () => (await admin.get('/audit?actor=mcp-protocol-expert')).body['items'], {
      timeout: 10_000,
    })
    .toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          action: 'servers.check',
          resource: 'servers/changing',
          outcome: 'not_passed',
        }),
      ]),
    );
  expect(rules(await ask('generate_compliance_report'), 'critical')).toEqual(['jsonrpc_version']);
  broken = undefined;
});

test('a server that is down is named by every task, and the others are looked at all the same', async () => {
  await changing.close();
  for (const task of [
    'mcp_specification_compliance',
    'json_rpc_optimization',
    'transport_layer_tuning',
    'capability_negotiation',
  ]) {
    const found = await ask(task);
    expect(found.findings.filter(({ severity }) => severity === 'critical')).toMatchObject([
      { rule: 'server_reached', evidence: { server: 'changing' } },
    ]);
    expect(found.servers.map(({ slug }) => slug)).toEqual(expect.arrayContaining(['inventory', 'toolbox']));
  }
  const report = await ask('generate_compliance_report');
  expect(report.summary).toBe('Of 3 active servers, 2 have no critical finding and 1 have some.');
});
