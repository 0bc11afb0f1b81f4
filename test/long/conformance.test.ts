import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runConformance } from '../support/conformance.ts';
import { type FeatureServer, startFeatureServer } from '../support/features/featureServer.ts';
import { managementApi } from '../support/managementApi.ts';
import { startTokenProxy, type TokenProxy } from '../support/tokenProxy.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

/*
 * The official suite against `/servers/{slug}/mcp` in the running topology, in front of a server that passes all of it by
 * itself. What fails is listed here with the reason; a scenario that is listed and does not fail is a fault too.
 */

let topology: TestTopology;
let proxy: TokenProxy;
const upstreams: Partial<Record<'legacy' | 'modern' | 'both', FeatureServer>> = {};

beforeAll(async () => {
  proxy = await startTokenProxy();
  const allowed = [`http://localhost:${proxy.port}`, `http://127.0.0.1:${proxy.port}`].join();
  topology = await startTestTopology({ settings: { MREG_ALLOWED_ORIGINS: allowed } });
  const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  for (const eras of ['legacy', 'modern', 'both'] as const) {
    const upstream = await startFeatureServer(eras);
    upstreams[eras] = upstream;
    const { body } = await admin.post('/servers?wait=20', { slug: eras, url: upstream.url });
    expect(body).toMatchObject({ status: 'active' });
  }
  proxy.lead(topology.urls.mcp, await topology.mint({ role: 'User' }));
});
afterAll(async () => {
  await topology.stop();
  await proxy.close();
  await Promise.all(Object.values(upstreams).map((upstream) => upstream.close()));
});

const NO_TASKS = 'the tasks extension is not offered yet';
/** What the suite does not count, and the gateway does not offer. */
const tasks = Object.fromEntries(
  [
    ...['lifecycle', 'capability-negotiation', 'wire-fields', 'request-state-removal', 'mrtr-input'],
    ...['request-headers', 'dispatch-and-envelope', 'required-task-error', 'mrtr-composition'],
  ].map((name) => [`tasks-${name}`, NO_TASKS]),
);

describe.each([
  {
    requirements: '2025-11-25',
    upstream: 'both',
    scored: 30,
    failing: {},
    why: 'a server of both eras',
  },
  { requirements: '2026-07-28', upstream: 'both', scored: 37, failing: tasks, why: 'a server of both eras' },
  { requirements: '2025-11-25', upstream: 'legacy', scored: 30, failing: {}, why: 'a server of its own era' },
  {
    requirements: '2025-11-25',
    upstream: 'modern',
    scored: 30,
    failing: {},
    why: 'a server that speaks only 2026-07-28',
  },
  {
    requirements: '2026-07-28',
    upstream: 'legacy',
    scored: 37,
    failing: {
      ...tasks,
      'input-required-result-basic-elicitation': 'the scenario wants a key that a 2025 server cannot give',
      'input-required-result-multiple-input-requests':
        'a 2025 server asks one thing after another, and the scenario wants several in one result',
      'server-stateless': 'a 2025 server does not refuse calls for the capabilities of the client',
    },
    why: 'a server that speaks only 2025-11-25',
  },
])('the set of $requirements in front of $why', ({ requirements, upstream, scored, failing }) => {
  test('passes but for what is listed with its reason', async () => {
    const url = `http://127.0.0.1:${proxy.port}/servers/${upstream}/mcp`;
    const verdicts = await runConformance(url, requirements);
    expect(verdicts.filter((verdict) => verdict.scored)).toHaveLength(scored);
    const failed = verdicts.filter(({ passed }) => !passed).map(({ scenario }) => scenario);
    expect(failed.sort()).toEqual(Object.keys(failing).sort());
  });
});
