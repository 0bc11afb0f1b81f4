import { afterEach, expect, test } from 'vitest';
import { type Api, managementApi } from '../support/managementApi.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

const OFF_MS = 50_000;
const preload = `--import ${new URL('../support/processes/clockOffset.ts', import.meta.url).href}`;

let topology: TestTopology | undefined;
afterEach(() => topology?.stop());

interface Seen {
  readonly agent: string;
  readonly task: string;
  readonly state: string;
}

/** The components that agents of the mcp app look at; the others may be degraded for reasons of their own. */
const seenByMcp = ['mcp_server_health', 'azure_oauth_health'];

async function end(admin: Api, path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await admin.post(`${path}?wait=30`, body);
  expect(answer.status).toBe(202);
  return answer.body;
}

test.each([
  ['ahead', OFF_MS],
  ['behind', -OFF_MS],
])(
  'no work fails while the clock of the mcp app is 50 s %s',
  async (_, offMs) => {
    const settings = { NODE_OPTIONS: preload, TEST_CLOCK_OFFSET_MS: String(offMs) };
    topology = await startTestTopology({ demo: true, settingsOf: { mcp: settings } });
    const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));

    const probes = ['fastmcp-specialist', 'mcp-security-auditor', 'mcp-debugger'].map((agent) =>
      end(admin, '/delegations', {
        agent,
        task: 'probe',
        input: {},
        deadline: new Date(Date.now() + 10_000).toISOString(),
      }),
    );
    const ended = await Promise.all(probes);
    expect(ended.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    const { createdAt, startedAt } = (await admin.get(String(ended[0]?.['href']))).body;
    // The clocks were apart.
    const apartMs = Date.parse(String(startedAt)) - Date.parse(String(createdAt));
    expect(Math.abs(apartMs - offMs)).toBeLessThan(20_000);

    const registered = await end(admin, '/servers', { slug: 'warehouse', url: topology.urls.inventory });
    expect(registered).toMatchObject({ status: 'active' });
    for (const gate of ['pre_deployment', 'security_validation'])
      expect(await end(admin, `/quality-gates/${gate}/runs`, {})).toMatchObject({ status: 'passed' });
    await admin.post('/events', { type: 'authentication_failure', detail: { subject: 'expired' } });

    const health = (await admin.get('/health/components')).body['components'] as Record<
      string,
      { status: string }
    >;
    expect(seenByMcp.map((name) => [name, health[name]?.status])).toEqual(
      seenByMcp.map((name) => [name, 'healthy']),
    );
    const delegations = async () =>
      (await admin.get('/delegations?limit=100')).body['items'] as readonly Seen[];
    const open = async () =>
      (await delegations()).filter(({ state }) => state === 'queued' || state === 'running');
    await expect.poll(open, { timeout: 60_000 }).toEqual([]);
    expect((await delegations()).filter(({ state }) => state !== 'succeeded')).toEqual([]);
  },
  120_000,
);
