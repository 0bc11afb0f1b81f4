import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { APP_ANSWER_MS } from './budgets.ts';
import { timeFor } from './measure.ts';
import {
  type PipelineDeps,
  type PipelineLook,
  type ProbedRequest,
  type StageName,
  lookAtPipeline,
} from './measurePipeline.ts';

/** Measures what a request goes through in both apps. */
export const middlewarePerformance = (deps: PipelineDeps): Task =>
  defineTask({
    name: 'middleware_performance',
    permissions: ['delegations.read'],
    agent: 'mcp-performance-optimizer',
    description:
      "Sends some dozens of requests to both apps as a client would, and gives percentiles of each stage that a request goes through and which stage takes longest. Lists are asked for with the session's token, where it is kept.",
    timeoutMs: 30_000,
    input: z.strictObject({
      times: z.int().min(5).max(100).default(40).describe('How often each request is sent.'),
    }),
    output: reportSchema,
    async run({ times }, helpers) {
      const look = await lookAtPipeline(deps, helpers, { withinMs: timeFor(helpers, 25_000), times });
      return succeed({
        summary: pipelineSummary(look),
        facts: pipelineFacts(look),
        findings: [...pipelineFindings(look)],
      });
    },
  });

/** The figures of a look, for people and for the next step. */
export const pipelineFacts = ({ requests }: PipelineLook): Readonly<Record<string, unknown>> => ({
  requests: requests.map(({ app, name, total, stages, dominant }) => ({
    app,
    name,
    total,
    stages,
    dominant,
  })),
});

/** What a look came to, in one sentence. */
export function pipelineSummary({ requests }: PipelineLook): string {
  const measured = requests.filter(({ total }) => total !== undefined);
  const [slowest] = measured.toSorted((a, b) => (b.total?.p50Ms ?? 0) - (a.total?.p50Ms ?? 0));
  if (!slowest?.total) return 'No app answered.';
  const { app, name, total, dominant } = slowest;
  const stage = dominant === undefined ? '' : `, most of it in the stage ${dominant}`;
  return `The slowest of ${measured.length} requests is ${name} of the ${app} app: ${total.p50Ms} ms in the median, ${total.p95Ms} ms in the 95th percentile${stage}.`;
}

/** What follows from a look at the pipeline. */
export function pipelineFindings({ hasToken, requests }: PipelineLook): readonly Finding[] {
  return [
    ...requests.flatMap(faultFinding),
    ...requests.flatMap(slowFinding),
    ...requests.flatMap(stagesMissing),
    ...(hasToken ? [] : [withoutToken]),
  ];
}

const withoutToken: Finding = {
  rule: 'session_without_token',
  severity: 'info',
  message:
    'There is no token of a session: only what everybody may ask for was measured, which says nothing of its stages.',
  evidence: {},
  remedy: 'Open the session with {"keepToken": true}.',
};

function faultFinding({ app, name, signedIn, fault }: ProbedRequest): readonly Finding[] {
  if (!fault) return [];
  const { kind, reason, afterMs } = fault;
  const evidence = { app, request: name, reason, afterMs };
  if (signedIn && /^status 40[13]$/.test(reason))
    return [
      {
        rule: 'request_refused',
        severity: 'info',
        message: `The ${app} app does not let the session's token ask for ${name} (${reason}).`,
        evidence,
        remedy: 'Use a session of somebody whose token is still good and whose role may ask for it.',
      },
    ];
  if (kind === 'hung')
    return [
      {
        rule: 'app_hangs',
        severity: 'critical',
        message: `The ${app} app had no answer to ${name} after ${Math.round(afterMs)} ms.`,
        evidence,
        remedy: 'Look at its running instances and their log: what they wait for holds all requests.',
      },
    ];
  return [
    {
      rule: 'app_unreachable',
      severity: 'critical',
      message: `The ${app} app does not answer ${name} (${reason}).`,
      evidence,
      remedy: `Check that the ${app} app runs and that its origin in the settings is right.`,
    },
  ];
}

/** What to do about a stage that takes most of a slow answer. */
const remedies: Readonly<Record<StageName, string>> = {
  outside:
    'The time passes before and after the app: look at cold starts, instance count and the network in between.',
  admission:
    'See oauth_token_performance: the token is checked for too long, or its keys are fetched each time.',
  body: 'Bodies come in slowly: look at the network and at a proxy in between.',
  catalogue:
    'See database_query_optimization: the list of servers is read from the tables too often or too slowly.',
  upstream: 'The server behind the gateway is slow: look at it, or give it a time limit of its own.',
  handling: 'See database_query_optimization and redis_caching_strategy: what the handler stands on is slow.',
};

function slowFinding({ app, name, total, stages, dominant }: ProbedRequest): readonly Finding[] {
  if (!total || total.p50Ms <= APP_ANSWER_MS) return [];
  const stageMs = dominant && stages[dominant]?.p50Ms;
  return [
    {
      rule: 'request_slow',
      severity: 'warning',
      message: `${name} of the ${app} app takes ${total.p50Ms} ms in the median${dominant ? `, of which ${stageMs} ms in the stage ${dominant}` : ''}; it may take ${APP_ANSWER_MS} ms.`,
      evidence: { app, request: name, budgetMs: APP_ANSWER_MS, ...total, dominant, dominantP50Ms: stageMs },
      remedy: remedies[dominant ?? 'outside'],
    },
  ];
}

function stagesMissing({ app, name, signedIn, total, dominant }: ProbedRequest): readonly Finding[] {
  if (!signedIn || !total || dominant) return [];
  return [
    {
      rule: 'stages_missing',
      severity: 'warning',
      message: `Answers of the ${app} app to ${name} do not say how their time was spent (Server-Timing).`,
      evidence: { app, request: name },
      remedy: 'Let the app run the same version as this one, and let no proxy take the header away.',
    },
  ];
}
