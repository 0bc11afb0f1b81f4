import { createMcpEndpoints } from '../../gateway/endpoint.ts';
import { classify } from '../../gateway/era.ts';
import { LATEST_MODERN } from '../../gateway/protocol.ts';
import { createResting } from '../../gateway/upstream/resting.ts';
import { discoverServer } from '../../gateway/discovery.ts';
import { type ActiveServer, createCatalogue } from '../../gateway/view/catalogue.ts';
import type { Principal } from '../../identity/principal.ts';
import type { AuthContext } from '../../identity/sessionStore.ts';
import type { TaskHelpers } from '../../orchestration/task/task.ts';
import { continueTrace } from '../../platform/trace.ts';
import { callEndpoint } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import { tokenNotKept } from '../lookAtEndpoints.ts';
import { tokenOf } from '../tokenOf.ts';
import { tracedHeaders } from '../tracedHeaders.ts';
import { withinTime } from '../withinTime.ts';
import type { Look } from './oauthChain.ts';
import { type Stage, modernMessage, stagesFor } from './pipelineStages.ts';

const CALL_WITHIN_MS = 5_000;
const INSIDE_WITHIN_MS = 6_000;
const UPSTREAM_WITHIN_MS = 6_000;
/** Servers that are tried: enough to see whether the way to them is open. */
const MAX_SERVERS = 5;

/** One stage as it was walked. */
interface Walked {
  readonly stage: string;
  readonly probe: string;
  readonly by: 'http' | 'in_process';
  readonly isRight: boolean;
  readonly durationMs: number;
  readonly status?: number;
  readonly failure?: string;
}

/**
 * Walks probes through the request pipeline, each to the stage that it is to end at: over HTTP as a client, and in this
 * process without HTTP and sign-in, to tell what time they take from what the gateway takes.
 */
export async function walkPipeline(deps: SpecialistDeps, helpers: TaskHelpers): Promise<Look> {
  const [token, context] = await Promise.all([
    tokenOf(helpers),
    withinTime(INSIDE_WITHIN_MS, helpers.signal, () => helpers.authContext()),
  ]);
  const caller = principalOf(helpers.tenantId, context.ok ? context.value : undefined);
  const stages = stagesFor(token !== undefined);
  const [outside, inside] = await Promise.all([
    walkOutside(stages, deps, helpers, token),
    walkInside(deps, helpers, caller),
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

/** Whoever the session is of; without one, somebody of the tenant with the least role that may use the endpoints. */
function principalOf(tenantId: string, context: AuthContext | undefined): Principal {
  const own = { tenantId, kind: 'user', clientId: 'fastmcp-specialist' } as const;
  return context
    ? { ...own, userId: context.userId, roles: context.roles, expiresAt: Date.parse(context.expiresAt) }
    : { ...own, userId: 'fastmcp-specialist', roles: ['User'], expiresAt: 0 };
}

/** One after another, so that none waits for another and its time is its own. */
async function walkOutside(
  stages: readonly Stage[],
  { outbound, config }: SpecialistDeps,
  { signal, traceId }: TaskHelpers,
  token: string | undefined,
): Promise<{ readonly walked: readonly Walked[]; readonly findings: readonly Finding[] }> {
  const walked: Walked[] = [];
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
    // What cannot be reached at all has no stages.
    if (!answer.ok && stage === 'reachable') break;
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

const remedies: Readonly<Record<Stage['stage'], string>> = {
  reachable: 'See that the mcp app runs at MREG_PUBLIC_ORIGIN; all other stages lie behind this one.',
  origin:
    'Compare MREG_ALLOWED_ORIGINS with what is wanted, and see that nothing before the app drops the header Origin.',
  token: 'The task authentication_failures of mcp-debugger names the reason under the trace of this work.',
  permission: 'See whether both apps run the same build: they differ in who may do what.',
  body: 'See whether something before the app rewrites or inspects bodies.',
  era: 'See whether something before the app drops the headers Mcp-Protocol-Version or Mcp-Method, or rewrites bodies.',
  catalogue: 'Look at the table servers and the short-lived state from the mcp app: mcp_server_health does.',
};

async function walkInside(
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
