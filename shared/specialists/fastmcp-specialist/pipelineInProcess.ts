import { discoverServer } from '../../gateway/catalogue/discovery.ts';
import { createMcpEndpoints } from '../../gateway/calls/endpoint.ts';
import { classify } from '../../gateway/protocol/classify.ts';
import { LATEST_MODERN } from '../../gateway/protocol/versions.ts';
import { createResting } from '../../gateway/upstream/circuitBreaker.ts';
import { type ActiveServer, createCatalogue } from '../../gateway/catalogue/catalogue.ts';
import type { Principal } from '../../identity/access/actor.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import { withinTime } from '../withTimeout.ts';
import { type Stage, type Walked, modernMessage, remedies } from './pipelineStages.ts';

const INSIDE_WITHIN_MS = 6_000;
const UPSTREAM_WITHIN_MS = 6_000;
/** Servers that are tried: enough to see whether the way to them is open. */
const MAX_SERVERS = 5;

/** Walks the stages behind sign-in in this process, up to the servers, without HTTP in between. */
export async function walkInProcess(
  deps: SpecialistDeps,
  { tenantId, signal, clock }: TaskHelpers,
  principal: Principal,
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
    const done = await withinTime(INSIDE_WITHIN_MS, signal, act);
    const isRight = done.ok && done.value.isRight;
    const durationMs = Math.round(performance.now() - startedAt);
    const failure = done.ok ? undefined : done.error.message;
    walked.push({ stage, probe, by: 'in_process', isRight, durationMs, ...(failure && { failure }) });
    if (!isRight)
      findings.push({
        rule: `stage_${stage}`,
        severity: 'critical',
        message: `inside the mcp app the stage ${stage} fails at ${probe}: ${failure ?? 'it gives something else than it must'}`,
        evidence: { stage, by: 'in_process', durationMs },
        remedy: remedies[stage],
      });
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
    const answer = await endpoints.post({ front, headers, principal, trace, signal, message });
    const body = (await answer.json()) as { readonly result?: { readonly tools?: unknown } };
    return { isRight: Array.isArray(body.result?.tools), value: undefined };
  });
  const resting = await withinTime(INSIDE_WITHIN_MS, signal, () =>
    createResting({ state: deps.shortLived, clock }).all(tenantId),
  );
  const tried = await Promise.all(
    (servers ?? []).slice(0, MAX_SERVERS).map((server) => tryUpstream(server, deps, signal)),
  );
  return {
    walked,
    upstreams: tried.map(({ fact }) => fact),
    findings: [
      ...findings,
      ...tried.flatMap((one) => one.findings),
      ...(resting.ok ? resting.value : []).map((slug): Finding => ({
        rule: 'upstream_resting',
        severity: 'warning',
        message: `the server "${slug}" failed several times in a row and is not called for the moment`,
        evidence: { server: slug },
        remedy: 'It is tried again within seconds; see that it runs.',
      })),
    ],
  };
}

/** The last stage: a server is asked what it is. A server that is down is its owner's matter and leaves the pipeline sound. */
async function tryUpstream(
  server: ActiveServer,
  deps: SpecialistDeps,
  signal: AbortSignal,
): Promise<{ readonly fact: object; readonly findings: readonly Finding[] }> {
  const { slug, discovery } = server;
  const startedAt = performance.now();
  const within = AbortSignal.any([signal, AbortSignal.timeout(UPSTREAM_WITHIN_MS)]);
  const found = await discoverServer(server, deps, within);
  const durationMs = Math.round(performance.now() - startedAt);
  const fact = {
    server: slug,
    era: discovery.era,
    durationMs,
    ...(!found.ok && { failure: found.error.kind }),
  };
  if (!found.ok)
    return {
      fact,
      findings: [
        {
          rule: 'stage_upstream',
          severity: 'warning',
          message: `the stage upstream ends at the server "${slug}": ${found.error.message}`,
          evidence: { stage: 'upstream', server: slug, kind: found.error.kind, durationMs },
          remedy: 'Tell the owner of the server, or register it anew where it has moved.',
        },
      ],
    };
  if (found.value.era === discovery.era) return { fact, findings: [] };
  return {
    fact,
    findings: [
      {
        rule: 'upstream_era',
        severity: 'warning',
        message: `the server "${slug}" is of another era than its record says`,
        evidence: { server: slug, era: found.value.era, recorded: discovery.era },
        remedy: 'The task type_caching_optimization brings its record up to date.',
      },
    ],
  };
}
