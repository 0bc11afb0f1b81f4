import { afterAll, beforeAll, expect, test } from 'vitest';
import { standardGates } from '../../shared/orchestration/plans/qualityGates.ts';
import { type Api, managementApi } from '../support/managementApi.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

let topology: TestTopology;
let admin: Api;
beforeAll(async () => {
  topology = await startTestTopology({ demo: true });
  admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
});
afterAll(() => topology.stop());

interface Result {
  readonly passed: boolean;
  readonly error?: string;
}

test(
  'a healthy topology passes every check of the three standard gates, each with its evidence',
  { timeout: 120_000 },
  async () => {
    // The checks that sign in use the token of whoever runs the gate.
    const session = (await admin.post('/sessions', { keepToken: true })).body;
    const startedAt = performance.now();
    for (const [gate, checks] of Object.entries(standardGates)) {
      const begun = await admin.post(`/quality-gates/${gate}/runs?wait=30`, { sessionId: session['id'] });
      expect(begun).toMatchObject({ status: 202, body: { gate } });
      const { body } = await admin.get(`${begun.headers.get('location') ?? ''}?wait=30`);
      const results = body['results'] as Readonly<Record<string, Result>>;
      // First of all what did not pass, with its words: the rest tells less.
      expect(Object.entries(results).filter(([, { passed }]) => !passed)).toEqual([]);
      expect(body).toMatchObject({
        status: 'passed',
        results: Object.fromEntries(
          checks.map(({ check, agent, severity }) => [
            check,
            { passed: true, agent, severity, evidence: expect.any(Object) as object },
          ]),
        ),
      });
    }
    console.log(`the three gates took ${Math.round(performance.now() - startedAt)} ms`);
  },
);

test(
  'the gates pass without a session too: what takes a token is told, and is no failure',
  { timeout: 120_000 },
  async () => {
    for (const gate of Object.keys(standardGates)) {
      const begun = await admin.post(`/quality-gates/${gate}/runs?wait=30`, {});
      const { body } = await admin.get(`${begun.headers.get('location') ?? ''}?wait=30`);
      expect(body).toMatchObject({ gate, status: 'passed' });
    }
  },
);
