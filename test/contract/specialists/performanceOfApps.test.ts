import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openOutboundClient } from '../../../shared/platform/outbound/outboundClient.ts';
import { middlewarePerformance } from '../../../shared/specialists/mcp-performance-optimizer/pipelineTasks.ts';
import { serve, type Served } from '../../support/serve.ts';
import { runTask } from '../../support/taskRun.ts';

/** How an app answers a path; `never` leaves it waiting. */
type Answering = (
  path: string,
  authorization: string | undefined,
) => { status: number; timing?: string; waitMs?: number } | 'never';

let apps: { management: Served; mcp: Served };
const answering: { management: Answering; mcp: Answering } = {
  management: () => ({ status: 200 }),
  mcp: () => ({ status: 200 }),
};
const outbound = openOutboundClient('private_allowed');
const start = (app: keyof typeof answering) =>
  serve((request, response) => {
    const answer = answering[app](request.url ?? '', request.headers.authorization);
    if (answer === 'never') return;
    const { status, timing, waitMs = 0 } = answer;
    setTimeout(() => {
      response.writeHead(status, timing === undefined ? {} : { 'server-timing': timing }).end('{}');
    }, waitMs);
  });
beforeAll(async () => {
  apps = { management: await start('management'), mcp: await start('mcp') };
});
afterAll(() => Promise.all([apps.management.close(), apps.mcp.close(), outbound.close()]));

const quick: Answering = (_, authorization) =>
  authorization === undefined
    ? { status: 200 }
    : { status: 200, timing: 'admission;dur=1, body;dur=1, handling;dur=2' };
beforeEach(() => {
  Object.assign(answering, { management: quick, mcp: quick });
});
const originOf = ({ url }: Served) => new URL(url).origin;
const run = (token?: string) =>
  runTask(
    [
      middlewarePerformance({
        config: { managementOrigin: originOf(apps.management), publicOrigin: originOf(apps.mcp) },
        outbound,
      }),
    ],
    'middleware_performance',
    { times: 5 },
    { token: () => Promise.resolve(token) },
  );
const found = (...findings: object[]) => ({ success: true, result: { findings } });

test('apps that answer in time are measured by stages', async () => {
  const outcome = await run('a.good.token');
  expect(outcome).toMatchObject({
    result: {
      findings: [],
      facts: {
        requests: [
          { stages: {} },
          { stages: { admission: { p50Ms: 1 } } },
          {},
          {},
          { stages: { body: { p50Ms: 1 } } },
        ],
      },
    },
  });
  expect(JSON.stringify(outcome)).not.toContain('good');
});

test('a slow stage is named with its figure', async () => {
  answering.mcp = (_, authorization) =>
    authorization === undefined
      ? { status: 200 }
      : { status: 200, waitMs: 1_100, timing: 'admission;dur=1050, body;dur=1, handling;dur=2' };
  expect(await run('a.good.token')).toMatchObject(
    found({
      rule: 'request_slow',
      evidence: { app: 'mcp', request: 'tools/list', dominant: 'admission', dominantP50Ms: 1_050 },
      remedy: expect.stringContaining('oauth_token_performance') as string,
    }),
  );
});

test('an app that hangs is found before the deadline, and the other one is measured', async () => {
  answering.management = () => 'never';
  expect(await run('a.good.token')).toMatchObject({
    result: {
      findings: [{ rule: 'app_hangs', evidence: { app: 'management' } }],
      facts: { requests: [{ app: 'management' }, { app: 'mcp', total: {} }, {}, {}] },
    },
  });
});

test.each([
  [503, 'app_unreachable', 'critical'],
  [403, 'request_refused', 'info'],
  [401, 'request_refused', 'info'],
])('%#: a list that is answered with %i is %s', async (status, rule, severity) => {
  answering.mcp = (_, authorization) => ({ status: authorization === undefined ? 200 : status });
  expect(await run('a.good.token')).toMatchObject(
    found({ rule, severity, evidence: { app: 'mcp', reason: `status ${status}` } }),
  );
});

test('an app that tells nothing of its stages is found', async () => {
  answering.mcp = () => ({ status: 200 });
  expect(await run('a.good.token')).toMatchObject(
    found({ rule: 'stages_missing', evidence: { app: 'mcp' } }),
  );
});
