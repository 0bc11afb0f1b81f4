import * as z from 'zod';
import type { Actor } from '../../identity/access/actor.ts';
import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import { callEndpoint, resourceOfApp, sessionToken, tokenFor, tracedHeaders } from '../callEndpoint.ts';
import { checkApp, tokenNotKept } from '../checkEndpoints.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, problemsIn } from '../finding.ts';
import { type Inspection, inspectionsOf } from '../inspection.ts';
import { probeInProcess } from './pipelineInProcess.ts';
import { type Stage, stageFailed, stagesFor, type Walked } from './pipelineStages.ts';

const { gateCheck, report } = inspectionsOf('fastmcp-specialist');

export const pipelineTasks = (deps: SpecialistDeps): readonly Task[] => [
  report({
    name: 'middleware_chain_setup',
    permissions: ['delegations.read'],
    description:
      'Checks the stages that each request to the mcp app passes. Sends probe requests through them over HTTP and in process (reachable, origin, token, permission, body, era, catalogue, upstream), and reports for each stage its answer, the expected answer, and its time.',
    timeoutMs: 30_000,
    input: z.strictObject({}),
    async inspect(_, helpers) {
      const { facts, findings } = await inspectPipeline(deps, helpers);
      const problems = problemsIn(findings);
      const summary =
        problems[0] === undefined
          ? 'Every stage that could be tested answers correctly.'
          : `${problems.length} stages do not answer correctly; the first: ${problems[0].message}.`;
      return { summary, facts, findings };
    },
  }),
  gateCheck({
    name: 'middleware_chain_validation',
    permissions: ['delegations.read'],
    description:
      'Passes when every stage of the request pipeline of the mcp app answers its probe correctly. The stages behind sign-in are tested with the token of the session.',
    timeoutMs: 30_000,
    inspect: (_, helpers) => inspectPipeline(deps, helpers),
  }),
  gateCheck({
    name: 'mcp_server_health',
    description:
      'Passes when the endpoints of the mcp app answer correctly, and every table and the short-lived state answer the app.',
    timeoutMs: 10_000,
    inspect: (_, helpers) => checkApp('mcp', deps, helpers),
  }),
];

/**
 * Sends a probe to each stage of the request pipeline: over HTTP as a client, and in this process without HTTP and sign-in, so
 * that the time of the gateway is told apart from theirs.
 */
async function inspectPipeline(deps: SpecialistDeps, helpers: TaskHelpers): Promise<Inspection> {
  const { config } = deps;
  const token = tokenFor(resourceOfApp('mcp', config), await sessionToken(helpers), config);
  const caller = helpers.actor ?? leastPrivileged(helpers.tenantId);
  const [outside, inside] = await Promise.all([
    probeOverHttp(deps, helpers, token),
    probeInProcess(deps, helpers, caller),
  ]);
  return {
    facts: { stages: [...outside.walked, ...inside.walked], upstreams: inside.upstreams },
    findings: [
      ...outside.findings,
      ...inside.findings,
      ...(token === undefined ? [tokenNotKept('the stages behind sign-in, over HTTP,')] : []),
    ],
  };
}

/** The caller of work without an actor: an app of the tenant with the least role that may use the endpoints. */
const leastPrivileged = (tenantId: string): Actor => ({
  tenantId,
  userId: 'fastmcp-specialist',
  kind: 'app',
  clientId: '',
  roles: ['User'],
  expiresAt: 0,
});

const CALL_WITHIN_MS = 5_000;

/** Sends the probes as a client does, one after another, so that their times do not affect each other. */
export async function probeOverHttp(
  { outbound, config }: Pick<SpecialistDeps, 'outbound' | 'config'>,
  { signal, traceId }: Pick<TaskHelpers, 'signal' | 'traceId'>,
  token: string | undefined,
): Promise<{ readonly walked: readonly Walked[]; readonly findings: readonly Finding[] }> {
  const walked: Walked[] = [];
  const stages = stagesFor(token !== undefined);
  for (const { stage, probe, needsToken, isRight, method, path, headers, body } of stages) {
    const startedAt = performance.now();
    const answer = await callEndpoint(outbound, {
      method,
      url: config.publicOrigin + path,
      headers: { ...tracedHeaders(traceId), accept: 'application/json, text/event-stream', ...headers },
      signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_WITHIN_MS)]),
      ...(body !== undefined && { body }),
      ...(needsToken && { token }),
    });
    const durationMs = Math.round(performance.now() - startedAt);
    walked.push({
      stage,
      probe,
      by: 'http',
      durationMs,
      ...(answer.ok
        ? { isRight: isRight(answer.value), status: answer.value.status }
        : { isRight: false, failure: answer.error.message }),
    });
    // An app that cannot be reached has no stages, and a rejected token reaches no later stage.
    if (answer.ok ? needsToken && answer.value.status === 401 : stage === 'reachable') break;
  }
  return { walked, findings: walked.flatMap((step, index) => stageFindings(step, stages[index])) };
}

function stageFindings(
  { stage, probe, isRight, status, failure, durationMs }: Walked,
  wanted: Stage | undefined,
): readonly Finding[] {
  if (isRight || !wanted) return [];
  const evidence = { stage, probe, status, durationMs, wanted: wanted.wants };
  if (wanted.needsToken && status === 401)
    return [
      stageFailed(
        'token',
        'the stage token rejects the token of the session, which was valid when the session opened',
        evidence,
      ),
    ];
  const answer = failure ?? `the status ${String(status)}`;
  const message = `the stage ${stage} does not answer "${probe}" correctly: it gave ${answer}, expected was ${wanted.wants}`;
  return [stageFailed(stage, message, evidence)];
}
