import { createMcpEndpoints } from '../../gateway/calls/endpoint.ts';
import { type ActiveServer, createCatalogue } from '../../gateway/catalogue/catalogue.ts';
import { probeServer } from '../../gateway/catalogue/probeServer.ts';
import { classify } from '../../gateway/protocol/classify.ts';
import { LATEST_MODERN } from '../../gateway/protocol/versions.ts';
import { createCircuitBreaker } from '../../gateway/upstream/circuitBreaker.ts';
import type { Actor } from '../../identity/access/actor.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { withTimeout } from '../withTimeout.ts';
import { modernMessage, type Stage, stageFailed, type Walked } from './pipelineStages.ts';

const INSIDE_WITHIN_MS = 6_000;
const UPSTREAM_WITHIN_MS = 6_000;
/** How many servers are called: enough to see whether upstream servers can be reached. */
const MAX_SERVERS = 5;

const finding = defineFindings({
  stage_upstream: ({ server, kind, message, durationMs }: OfServer & Failure) => ({
    severity: 'warning',
    message: `the stage upstream fails at the server "${server}": ${message}`,
    evidence: { stage: 'upstream', server, kind, durationMs },
    remedy: 'Tell the owner of the server, or register the server again if it has moved.',
  }),
  upstream_era: ({ server }: OfServer & { era: string; recorded: string }) => ({
    severity: 'warning',
    message: `the server "${server}" speaks another era than its record says`,
    remedy: 'Run the task type_caching_optimization: it updates the record.',
  }),
  upstream_resting: ({ server }: OfServer) => ({
    severity: 'warning',
    message: `the circuit breaker of the server "${server}" is open: several calls in a row failed`,
    remedy: 'Check that the server runs. The gateway calls it again within seconds.',
  }),
});
interface OfServer {
  readonly server: string;
}
interface Failure {
  readonly kind: string;
  readonly message: string;
  readonly durationMs: number;
}

/** Tests the stages behind sign-in in this process, up to the upstream servers, without HTTP in between. */
export async function probeInProcess(
  deps: SpecialistDeps,
  { tenantId, signal }: TaskHelpers,
  actor: Actor,
): Promise<{
  readonly walked: readonly Walked[];
  readonly upstreams: readonly object[];
  readonly findings: readonly Finding[];
}> {
  const walked: Walked[] = [];
  const findings: Finding[] = [];
  const step = async <T>(
    stage: Stage['stage'],
    probe: string,
    act: () => Promise<{ readonly isRight: boolean; readonly value: T }>,
  ): Promise<T | undefined> => {
    const startedAt = performance.now();
    const done = await withTimeout(INSIDE_WITHIN_MS, signal, act);
    const isRight = done.ok && done.value.isRight;
    const durationMs = Math.round(performance.now() - startedAt);
    const failure = done.ok ? undefined : done.error.message;
    walked.push({ stage, probe, by: 'in_process', isRight, durationMs, ...(failure && { failure }) });
    if (!isRight)
      findings.push(
        stageFailed(
          stage,
          `inside the mcp app the stage ${stage} fails at ${probe}: ${failure ?? 'its result is wrong'}`,
          { stage, by: 'in_process', durationMs },
        ),
      );
    return done.ok ? done.value.value : undefined;
  };
  const headers = new Headers({ 'mcp-protocol-version': LATEST_MODERN, 'mcp-method': 'tools/list' });
  const message: unknown = JSON.parse(modernMessage('tools/list'));
  await step('era', 'classify tools/list', () => {
    const { kind } = classify(headers, message);
    return Promise.resolve({ isRight: kind === 'request', value: undefined });
  });
  const catalogue = createCatalogue(deps);
  const servers = await step('catalogue', 'read the servers of the tenant', async () => ({
    isRight: true,
    value: await catalogue.all(tenantId),
  }));
  await step('catalogue', 'answer tools/list', async () => {
    const trace = continueTrace(undefined);
    const front = { kind: 'all' } as const;
    const endpoints = createMcpEndpoints(deps);
    const answer = await endpoints.post({ front, headers, actor, trace, signal, message });
    const body = (await answer.json()) as { readonly result?: { readonly tools?: unknown } };
    return { isRight: Array.isArray(body.result?.tools), value: undefined };
  });
  const open = await withTimeout(INSIDE_WITHIN_MS, signal, () =>
    createCircuitBreaker({ ...deps, state: deps.shortLived }).openServers(tenantId),
  );
  const called = await Promise.all(
    (servers ?? []).slice(0, MAX_SERVERS).map((server) => probeUpstream(server, deps, signal)),
  );
  return {
    walked,
    upstreams: called.map(({ fact }) => fact),
    findings: [
      ...findings,
      ...called.flatMap((one) => one.findings),
      ...(open.ok ? open.value : []).map((server) => finding('upstream_resting', { server })),
    ],
  };
}

/** Tests the last stage: discovers a server. A server that is down is a matter of its owner, not a fault of the pipeline. */
async function probeUpstream(
  server: ActiveServer,
  deps: SpecialistDeps,
  signal: AbortSignal,
): Promise<{ readonly fact: object; readonly findings: readonly Finding[] }> {
  const { slug, discovery } = server;
  const startedAt = performance.now();
  const found = await probeServer(server, deps, UPSTREAM_WITHIN_MS, signal);
  const durationMs = Math.round(performance.now() - startedAt);
  const fact = {
    server: slug,
    era: discovery.era,
    durationMs,
    ...(!found.ok && { failure: found.error.kind }),
  };
  if (!found.ok) {
    const { kind, message } = found.error;
    return { fact, findings: [finding('stage_upstream', { server: slug, kind, message, durationMs })] };
  }
  const { era } = found.value;
  if (era === discovery.era) return { fact, findings: [] };
  return { fact, findings: [finding('upstream_era', { server: slug, era, recorded: discovery.era })] };
}
