import type { Task } from '../../orchestration/tasks/task.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { inspectionsOf } from '../inspection.ts';
import { APP_ANSWER_MS } from './budgets.ts';
import { timeFor, timesSchema } from './measure.ts';
import {
  measurePipeline,
  type PipelineDeps,
  type PipelineMeasurements,
  type ProbedRequest,
  type StageName,
} from './measurePipeline.ts';
import { withoutToken } from './tokenTasks.ts';

const { report } = inspectionsOf('mcp-performance-optimizer');

interface RequestFacts {
  readonly app: ProbedRequest['app'];
  readonly request: string;
}
interface RequestFault extends RequestFacts {
  readonly reason: string;
  readonly afterMs: number;
}

const finding = defineFindings({
  request_refused: ({ app, request, reason }: RequestFault) => ({
    severity: 'info',
    message: `the ${app} app does not allow the session's token to ask for ${request} (${reason})`,
    remedy: 'Use a session whose token is valid and whose role may ask for it.',
  }),
  app_hangs: ({ app, request, afterMs }: RequestFault) => ({
    severity: 'critical',
    message: `the ${app} app had no answer to ${request} after ${Math.round(afterMs)} ms`,
    remedy: 'Check its running instances and their log: the part that they wait for blocks all requests.',
  }),
  app_unreachable: ({ app, request, reason }: RequestFault) => ({
    severity: 'critical',
    message: `the ${app} app does not answer ${request} (${reason})`,
    remedy: `Check that the ${app} app runs and that its origin in the settings is right.`,
  }),
  request_slow: ({ request: { app, name, total, stages, dominant } }: { request: ProbedRequest }) => {
    const dominantP50Ms = dominant && stages[dominant]?.p50Ms;
    return {
      severity: 'warning',
      message: `${name} of the ${app} app takes ${total?.p50Ms} ms in the median${dominant ? `, of which ${dominantP50Ms} ms in the stage ${dominant}` : ''}; its budget is ${APP_ANSWER_MS} ms`,
      evidence: { app, request: name, budgetMs: APP_ANSWER_MS, ...total, dominant, dominantP50Ms },
      remedy: stageRemedies[dominant ?? 'outside'],
    };
  },
  stages_missing: ({ app, request }: RequestFacts) => ({
    severity: 'warning',
    message: `answers of the ${app} app to ${request} do not say how their time was spent (Server-Timing)`,
    remedy: 'Let both apps run the same version, and let no proxy remove the header.',
  }),
});

/** What to do about the stage that takes most of a slow answer. */
const stageRemedies: Readonly<Record<StageName, string>> = {
  outside:
    'The time passes before and after the app: check cold starts, the number of instances and the network in between.',
  admission:
    'Run oauth_token_performance: the verification of the token takes too long, or fetches its keys each time.',
  body: 'Request bodies arrive slowly: check the network and any proxy in between.',
  catalogue:
    'Run database_query_optimization: the list of servers is read from the tables too often or too slowly.',
  upstream: 'The server behind the gateway is slow: check it, or set a timeout for it.',
  handling:
    'Run database_query_optimization and redis_caching_strategy: a store that the handler uses is slow.',
};

/** The task that measures the stages of a request in both apps. */
export const middlewarePerformance = (deps: PipelineDeps): Task =>
  report({
    name: 'middleware_performance',
    permissions: ['delegations.read'],
    description:
      "Sends a number of requests to both apps as a client would, and returns percentiles of each stage of a request and the stage that takes longest. Requests lists with the session's token if the session keeps it.",
    timeoutMs: 30_000,
    input: timesSchema(100, 40),
    async inspect({ times }, helpers) {
      const measured = await measurePipeline(deps, helpers, { withinMs: timeFor(helpers, 25_000), times });
      return {
        summary: pipelineSummary(measured),
        facts: pipelineFacts(measured),
        findings: pipelineFindings(measured),
      };
    },
  });

/** The figures of a measurement, for the report. */
export const pipelineFacts = ({ requests }: PipelineMeasurements): Readonly<Record<string, unknown>> => ({
  requests: requests.map(({ app, name, total, stages, dominant }) => ({
    app,
    name,
    total,
    stages,
    dominant,
  })),
});

/** The result of a measurement, in one sentence. */
export function pipelineSummary({ requests }: PipelineMeasurements): string {
  const measured = requests.filter(({ total }) => total !== undefined);
  const [slowest] = measured.toSorted((a, b) => (b.total?.p50Ms ?? 0) - (a.total?.p50Ms ?? 0));
  if (!slowest?.total) return 'No app answered.';
  const { app, name, total, dominant } = slowest;
  const stage = dominant === undefined ? '' : `, most of it in the stage ${dominant}`;
  return `The slowest of ${measured.length} requests is ${name} of the ${app} app: ${total.p50Ms} ms in the median, ${total.p95Ms} ms in the 95th percentile${stage}.`;
}

/** Judges the measurements of the pipeline. */
export const pipelineFindings = ({ hasToken, requests }: PipelineMeasurements): readonly Finding[] => [
  ...requests.flatMap(faultFinding),
  ...requests
    .filter(({ total }) => total && total.p50Ms > APP_ANSWER_MS)
    .map((request) => finding('request_slow', { request })),
  ...requests
    .filter(({ signedIn, total, dominant }) => signedIn && total && !dominant)
    .map(({ app, name }) => finding('stages_missing', { app, request: name })),
  ...(hasToken ? [] : [withoutToken('only requests without sign-in were measured, which have no stages')]),
];

function faultFinding({ app, name, signedIn, fault }: ProbedRequest): readonly Finding[] {
  if (!fault) return [];
  const { kind, reason, afterMs } = fault;
  const isRefused = signedIn && /^status 40[13]$/.test(reason);
  const rule = isRefused ? 'request_refused' : kind === 'hung' ? 'app_hangs' : 'app_unreachable';
  return [finding(rule, { app, request: name, reason, afterMs })];
}
