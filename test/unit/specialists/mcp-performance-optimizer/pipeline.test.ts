import { describe, expect, test } from 'vitest';
import { stage, stagesOf } from '../../../../shared/platform/telemetry/serverTiming.ts';
import { percentiles } from '../../../../shared/specialists/mcp-performance-optimizer/measure.ts';
import {
  dominantStage,
  type ProbedRequest,
  splitStages,
} from '../../../../shared/specialists/mcp-performance-optimizer/measurePipeline.ts';
import { pipelineFindings } from '../../../../shared/specialists/mcp-performance-optimizer/pipelineTasks.ts';

describe('the header of the stages', () => {
  test('is parsed as it is written', () => {
    const header = [stage('admission', 1.2345), stage('handling', 20)].join(', ');
    expect(header).toBe('admission;dur=1.23, handling;dur=20.00');
    expect([...stagesOf(header)]).toEqual([
      ['admission', 1.23],
      ['handling', 20],
    ]);
  });

  test.each<[header: string, stages: [string, number][]]>([
    ['', []],
    [
      'miss, db;dur=53;desc="a b", app;desc=x;dur=47.2',
      [
        ['db', 53],
        ['app', 47.2],
      ],
    ],
    ['db;DUR=5,db;dur=6', [['db', 11]]],
    ['db;dur=five, ;dur=1, app;dur=', []],
    [`${'x;dur=1,'.repeat(1_000)}late;dur=1`, [['x', 125]]],
  ])('%#: of others is read as far as it makes sense', (header, stages) => {
    expect([...stagesOf(header)]).toEqual(stages);
  });
});

test('the stages of a request add up to the total', () => {
  const told = stagesOf('admission;dur=2, body;dur=1, handling;dur=90, catalogue;dur=10, upstream;dur=70');
  expect(splitStages(100, told)).toEqual({
    outside: 7,
    admission: 2,
    body: 1,
    catalogue: 10,
    upstream: 70,
    handling: 10,
  });
  expect(splitStages(1, told)).toMatchObject({ outside: 0 });
});

const request = (more: Partial<ProbedRequest>): ProbedRequest => ({
  app: 'mcp',
  name: 'tools/list',
  signedIn: true,
  total: percentiles([20]),
  stages: { outside: percentiles([2]), handling: percentiles([18]) },
  dominant: 'handling',
  ...more,
});
const found = (more: Partial<ProbedRequest>) =>
  pipelineFindings({ hasToken: true, requests: [request(more)] });

describe('findings about the pipeline', () => {
  test('are none if answers come in time', () => {
    expect(found({})).toEqual([]);
  });

  test('name the stage that takes most of a slow answer', () => {
    const stages = {
      outside: percentiles([40]),
      catalogue: percentiles([1_500]),
      handling: percentiles([60]),
    };
    expect(dominantStage(stages)).toBe('catalogue');
    expect(found({ total: percentiles([1_600]), stages, dominant: 'catalogue' })).toMatchObject([
      {
        rule: 'request_slow',
        evidence: { budgetMs: 1_000, dominant: 'catalogue', dominantP50Ms: 1_500 },
        remedy: expect.stringContaining('database_query_optimization') as string,
      },
    ]);
  });

  test.each([
    [{ kind: 'failed', reason: 'status 403', afterMs: 9 }, 'request_refused', 'info'],
    [{ kind: 'failed', reason: 'status 503', afterMs: 9 }, 'app_unreachable', 'critical'],
    [{ kind: 'hung', reason: 'no answer in time', afterMs: 4_000 }, 'app_hangs', 'critical'],
  ] as const)('%#: say that %j is %s', (fault, rule, severity) => {
    expect(found({ fault })).toMatchObject([{ rule, severity }]);
  });

  test('include answers to signed-in callers without Server-Timing', () => {
    const { dominant: _, ...silent } = request({ stages: {} });
    expect(pipelineFindings({ hasToken: true, requests: [silent] })).toMatchObject([
      { rule: 'stages_missing' },
    ]);
  });
});
