import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tableNames } from '../../../shared/platform/config/topology.ts';
import type { Finding } from '../../../shared/specialists/finding.ts';
import { type Api, managementApi } from '../../support/managementApi.ts';
import { describeWith, onPath } from '../../support/requirement.ts';
import { startTestTopology, type TestTopology } from '../../support/topology.ts';

let topology: TestTopology;
let token: string;
let admin: Api;
beforeAll(async () => {
  topology = await startTestTopology();
  token = await topology.mint({ role: 'Admin' });
  admin = managementApi(topology.urls.management, token);
});
afterAll(() => topology.stop());

interface Result {
  readonly summary?: string;
  readonly status?: string;
  readonly passed?: boolean;
  readonly error?: string;
  readonly evidence?: Readonly<Record<string, unknown>>;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
}

/** Delegates a task and gives its result. */
async function run(work: object): Promise<Result> {
  const agent = 'mcp-performance-optimizer';
  const asked = await admin.post('/delegations?wait=30', 'taskType' in work ? work : { agent, ...work });
  const { body } = await admin.get(`${asked.headers.get('location') ?? ''}?wait=20`);
  expect(body).toMatchObject({ state: 'succeeded' });
  expect(JSON.stringify(body)).not.toContain(token.split('.')[2]);
  return body['result'] as Result;
}
const wrongIn = ({ findings }: Result) => findings.filter(({ severity }) => severity !== 'info');
/** Without Redis the checks of the state add that the state is in the tables. */
const aboutState = () =>
  topology.state.kind === 'redis' ? [] : [{ rule: 'state_on_tables', severity: 'info' }];
const percentiles = expect.objectContaining({
  count: expect.any(Number) as number,
  p95Ms: expect.any(Number) as number,
}) as object;

describe('on a healthy topology', () => {
  test.each(['database_health_check', 'redis_connectivity_test', 'database_performance_validation'])(
    'the check %s passes and has nothing to warn of',
    async (task) => {
      const result = await run({ task });
      expect([result.passed, wrongIn(result)]).toEqual([true, []]);
    },
  );

  test('the tables are healthy', async () => {
    const result = await run({ task: 'check_database_performance' });
    expect(result).toMatchObject({ status: 'healthy', findings: [] });
  });

  test('the store of the state is healthy', async () => {
    const result = await run({ task: 'check_redis_connectivity' });
    expect(result).toMatchObject({ status: 'healthy', findings: aboutState() });
  });

  test('the tables are measured, with the partitions of the tenant counted', async () => {
    const result = await run({ taskType: 'database_query_optimization', input: { times: 10 } });
    expect(wrongIn(result)).toEqual([]);
    expect(result.facts).toMatchObject({
      ownRows: { write: percentiles, read: percentiles, remove: percentiles },
      slowest: { table: expect.any(String) as string, times: percentiles },
    });
    const { tables, largestPartitions } = result.facts as {
      tables: { table: string; partitions: number }[];
      largestPartitions: { table: string; rows: number; bytesPerRow: number }[];
    };
    expect(tables).toHaveLength(tableNames.length);
    expect(tables.find(({ table }) => table === 'delegations')?.partitions).toBeGreaterThan(0);
    expect(largestPartitions.map(({ table }) => table)).toContain('audit');
    expect(largestPartitions[0]?.bytesPerRow).toBeGreaterThan(50);
  });

  test('the store of the state is measured, and what is where', async () => {
    const result = await run({ taskType: 'redis_caching_strategy', input: { times: 10 } });
    expect(result.facts).toMatchObject({ store: topology.state.kind, set: percentiles, get: percentiles });
    if (topology.state.kind === 'redis') {
      expect(result.facts).toMatchObject({ redis: { evictionPolicy: 'noeviction', evictedKeys: 0 } });
    }
  });

  test('a token that is remembered is verified faster than a new one', async () => {
    const session = await admin.post('/sessions', { keepToken: true });
    const { id: sessionId } = session.body as { id: string };
    const result = await run({ taskType: 'oauth_token_performance', sessionId });
    expect(wrongIn(result)).toEqual([]);
    expect(result.facts).toMatchObject({
      token: 'session',
      keyFetch: percentiles,
      remembered: percentiles,
      keyFetchesOfAll: 1,
    });
  });

  test('both apps tell the stages of a request to those who are signed in', async () => {
    const session = await admin.post('/sessions', { keepToken: true });
    const { id: sessionId } = session.body as { id: string };
    const result = await run({ taskType: 'middleware_performance', sessionId, input: { times: 10 } });
    expect(result.findings).toEqual([]);
    const { requests } = result.facts as { requests: { app: string; name: string }[] };
    const stages = { outside: percentiles, admission: percentiles, body: percentiles, handling: percentiles };
    expect(requests).toEqual([
      expect.objectContaining({ app: 'management', name: 'health', total: percentiles, stages: {} }),
      expect.objectContaining({ app: 'management', name: 'list of servers', total: percentiles, stages }),
      expect.objectContaining({ app: 'mcp', name: 'health', stages: {} }),
      expect.objectContaining({ app: 'mcp', name: 'metadata', stages: {} }),
      expect.objectContaining({
        app: 'mcp',
        name: 'tools/list',
        stages: { ...stages, catalogue: percentiles },
      }),
    ]);
  });

  test('the report has all of it, and without a token it says what it could not look at', async () => {
    const result = await run({ task: 'generate_performance_report' });
    expect(result.findings.filter(({ rule }) => rule !== 'session_without_token')).toMatchObject(
      aboutState(),
    );
    expect(Object.keys(result.facts ?? {})).toEqual(['tables', 'state', 'tokens', 'pipeline', 'inWords']);
    expect(result.facts).toMatchObject({ tokens: { token: 'forged', keyFetchesOfAll: 1 } });
  });

  test('an event of slow answers is measured against what it tells, and recorded', async () => {
    const stages = { admission: 2, body: 1, handling: 4_050 };
    const detail = { subject: 'servers-list', durationMs: 4_100, stages };
    const raised = await admin.post('/events', { type: 'performance_degradation', detail });
    const { id, delegations } = raised.body as { id: string; delegations: { agent: string; href: string }[] };
    const { href } = delegations.find(({ agent }) => agent === 'mcp-performance-optimizer') ?? { href: '' };
    const { body } = await admin.get(`${href}?wait=30`);
    expect(body).toMatchObject({
      state: 'succeeded',
      result: {
        summary: expect.stringContaining(
          'servers-list took 4100 ms, 4050 ms of it in the stage handling',
        ) as string,
        persists: false,
        facts: { comparison: [expect.objectContaining({ stage: 'handling', thenMs: 4_050 }), {}, {}, {}] },
      },
    });
    await expect
      .poll(async () => {
        const query = 'action=events.performance_degradation&actor=mcp-performance-optimizer';
        const { items } = (await admin.get(`/audit?${query}`)).body as { items: { resource: string }[] };
        return items.map(({ resource }) => resource);
      })
      .toContain(`events/${id}`);
  });
});

describeWith(onPath('redis-server'), 'when Redis has stopped', () => {
  test('checks of it do not pass and name it, and the others still do', async () => {
    await topology.kill('redis');
    const check = await run({ task: 'redis_connectivity_test' });
    expect(check).toMatchObject({
      passed: false,
      error: expect.stringContaining(
        'Redis cannot be used: the operation set failed (ECONNREFUSED)',
      ) as string,
    });
    expect(await run({ task: 'check_redis_connectivity' })).toMatchObject({
      status: 'failed',
      findings: [{ rule: 'redis_unreachable', severity: 'critical', evidence: { reason: 'ECONNREFUSED' } }],
    });
    expect(await run({ taskType: 'redis_caching_strategy' })).toMatchObject({
      findings: [{ rule: 'redis_unreachable' }],
    });
    expect(await run({ task: 'database_health_check' })).toMatchObject({ passed: true });
    await topology.restart('redis');
    expect(await run({ task: 'redis_connectivity_test' })).toMatchObject({ passed: true });
  });
});

test('when the mcp app has stopped, the requests to it say so and those to the other app are measured', async () => {
  await topology.kill('mcp');
  const { findings, facts } = await run({ taskType: 'middleware_performance' });
  expect(findings).toMatchObject([
    { rule: 'app_unreachable', severity: 'critical', evidence: { app: 'mcp', reason: 'connection refused' } },
    { rule: 'session_without_token' },
  ]);
  expect(facts).toMatchObject({ requests: [{ app: 'management', total: percentiles }, { app: 'mcp' }] });
});
