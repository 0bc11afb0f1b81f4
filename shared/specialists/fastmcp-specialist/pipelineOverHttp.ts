import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { callEndpoint } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import { tracedHeaders } from '../tracedHeaders.ts';
import { type Stage, type Walked, remedies, stagesFor } from './pipelineStages.ts';

const CALL_WITHIN_MS = 5_000;

/** Walks the stages as a client does. One after another, so that none waits for another and its time is its own. */
export async function walkOverHttp(
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
    // What cannot be reached at all has no stages, and whoever is refused goes no further.
    if (answer.ok ? needsToken && answer.value.status === 401 : stage === 'reachable') break;
  }
  return { walked, findings: walked.flatMap((step, index) => stageFinding(step, stages[index])) };
}

function stageFinding(
  { stage, probe, isRight, status, failure, durationMs }: Walked,
  wanted: Stage | undefined,
): readonly Finding[] {
  if (isRight || !wanted) return [];
  const isRefused = wanted.needsToken && status === 401;
  return [
    {
      rule: `stage_${isRefused ? 'token' : stage}`,
      severity: 'critical',
      message: isRefused
        ? 'the stage token refuses the token of the session, which was good when the session opened'
        : `the stage ${stage} does not answer "${probe}" as it must: ${failure ?? `it gave the status ${String(status)}`}, wanted was ${wanted.wants}`,
      evidence: { stage, probe, status, durationMs, wanted: wanted.wants },
      remedy: remedies[isRefused ? 'token' : (stage as Stage['stage'])],
    },
  ];
}
