import { z } from 'zod';
import { LATEST_LEGACY } from '../../gateway/protocol.ts';
import { REQUIRED_SCOPE, issuerOf } from '../../identity/verifyToken.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/task/task.ts';
import { type Result, succeed } from '../../platform/result.ts';
import { type EndpointAnswer, callEndpoint } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, verdict, verdictSchema } from '../finding.ts';
import { DOCUMENT_WITHIN_MS, lookAtTenant } from './identityProvider.ts';
import { tracedHeaders } from './traced.ts';

type FlowDeps = Pick<SpecialistDeps, 'config' | 'authority' | 'outbound'>;

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: LATEST_LEGACY,
    capabilities: {},
    clientInfo: { name: 'mcp-security-auditor', version: '1' },
  },
});

/** One step of the way that a client goes: what it needs for the next one, or why the way ends here. */
interface Step<T> {
  readonly step: string;
  readonly value?: T;
  readonly findings: readonly Finding[];
  readonly durationMs?: number;
}

/** Walks the way of a client that knows nothing but the URL of the MCP endpoint, to its first answer. */
export const oauthFlowTest = (deps: FlowDeps): Task =>
  defineTask({
    name: 'oauth_flow_end_to_end_test',
    agent: 'mcp-security-auditor',
    description:
      "Walks the way of a client over HTTP: the 401 with its challenge, the protected resource metadata, the issuer's metadata and keys, and with the session's token, if it is kept, an authenticated MCP request. Names the step at which it ends.",
    timeoutMs: 40_000,
    input: z.strictObject({}),
    output: verdictSchema,
    async run(_, helpers) {
      const walked: Step<unknown>[] = [];
      const take = <T>(step: Step<T>): T | undefined => {
        walked.push(step);
        return step.value;
      };
      const metadataUrl = take(await challengeStep(deps, helpers));
      const found =
        metadataUrl === undefined ? undefined : take(await metadataStep(metadataUrl, deps, helpers));
      if (found !== undefined) take(await issuerStep(deps, helpers));
      const token = await helpers.token();
      take(
        token === undefined
          ? { step: 'request', findings: [notKept] }
          : await requestStep(token, deps, helpers),
      );
      return succeed(
        verdict(
          walked.flatMap(({ findings }) => findings),
          {
            steps: walked.map(({ step, findings, durationMs }) => ({
              step,
              passed: findings.length === 0,
              ...(durationMs !== undefined && { durationMs: Math.round(durationMs) }),
            })),
          },
        ),
      );
    },
  });

const say = (rule: string, message: string, evidence: Finding['evidence'], remedy: string): Finding => ({
  rule,
  severity: 'critical',
  message,
  evidence,
  remedy,
});

const RUNS = 'Check that the mcp app runs, and that MREG_PUBLIC_ORIGIN is where clients reach it.';

const call = (
  { outbound }: FlowDeps,
  { signal, traceId }: TaskHelpers,
  request: { method: 'GET' | 'POST'; url: string; body?: string; token?: string },
): Promise<Result<EndpointAnswer>> =>
  callEndpoint(outbound, {
    ...request,
    headers: { ...tracedHeaders(traceId), accept: 'application/json, text/event-stream' },
    signal: AbortSignal.any([signal, AbortSignal.timeout(DOCUMENT_WITHIN_MS)]),
  });

const unreachable = (step: string, answer: Result<EndpointAnswer>): Step<never> | undefined =>
  answer.ok
    ? undefined
    : {
        step,
        findings: [
          say(`${step}_unreachable`, `the mcp app does not answer: ${answer.error.message}`, {}, RUNS),
        ],
      };

/** RFC 6750, section 3, and RFC 9728, section 5.1: a request without a token is told where to begin. */
async function challengeStep(deps: FlowDeps, helpers: TaskHelpers): Promise<Step<string>> {
  const step = 'challenge';
  const { publicOrigin, apiClientId } = deps.config;
  const answer = await call(deps, helpers, { method: 'POST', url: `${publicOrigin}/mcp`, body: ping });
  if (!answer.ok) return unreachable(step, answer) ?? { step, findings: [] };
  const { status, headers, durationMs } = answer.value;
  const challenge = String(headers['www-authenticate'] ?? '');
  const parameter = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(challenge)?.[1];
  const metadataUrl = parameter('resource_metadata');
  const scope = `api://${apiClientId}/${REQUIRED_SCOPE}`;
  const findings: Finding[] = [];
  if (status !== 401)
    findings.push(
      say(
        'no_challenge',
        `a request without a token is answered with ${status} instead of 401`,
        { status },
        RUNS,
      ),
    );
  else if (!challenge.startsWith('Bearer ') || metadataUrl === undefined)
    findings.push(
      say(
        'challenge_incomplete',
        'the 401 does not say where the metadata of the resource is (RFC 9728, section 5.1)',
        { status },
        'Look at what stands between the app and its clients: something changes the header WWW-Authenticate.',
      ),
    );
  else if (parameter('scope') !== scope || parameter('error') !== undefined)
    findings.push(
      say(
        'challenge_wrong',
        'the 401 asks for another scope than the app needs, or speaks of an error where no token was sent',
        { scope: parameter('scope') ?? null, expected: scope },
        'Compare MREG_API_CLIENT_ID of the app that answers there with this one.',
      ),
    );
  // Where it leads elsewhere nobody follows.
  const leadsHome = metadataUrl !== undefined && metadataUrl.startsWith(`${publicOrigin}/`);
  if (metadataUrl !== undefined && !leadsHome)
    findings.push(
      say(
        'challenge_elsewhere',
        'the 401 sends clients to another origin than that of the settings',
        { expected: publicOrigin },
        'Set MREG_PUBLIC_ORIGIN of both apps to the origin where clients reach the mcp app.',
      ),
    );
  return { step, findings, durationMs, ...(leadsHome && { value: metadataUrl }) };
}

const metadataSchema = z.looseObject({
  resource: z.string(),
  authorization_servers: z.array(z.string()).min(1),
  scopes_supported: z.array(z.string()),
});

/** RFC 9728, section 3.3: the metadata must be of the resource that was asked for. */
async function metadataStep(url: string, deps: FlowDeps, helpers: TaskHelpers): Promise<Step<true>> {
  const step = 'resource_metadata';
  const { publicOrigin, apiClientId } = deps.config;
  const answer = await call(deps, helpers, { method: 'GET', url });
  if (!answer.ok) return unreachable(step, answer) ?? { step, findings: [] };
  const { status, body, durationMs } = answer.value;
  const metadata = metadataSchema.safeParse(body);
  const issuer = issuerOf(deps.authority, helpers.tenantId);
  const compare = 'Compare the settings of the app that answers there with this one.';
  const findings: Finding[] = [];
  if (status !== 200 || !metadata.success)
    findings.push(
      say(
        'metadata_missing',
        `the protected resource metadata cannot be read: status ${status}`,
        { status },
        RUNS,
      ),
    );
  else {
    const { resource, authorization_servers: issuers, scopes_supported: scopes } = metadata.data;
    if (resource !== `${publicOrigin}/mcp`)
      findings.push(
        say(
          'resource_mismatch',
          'the metadata is of another resource',
          { expected: `${publicOrigin}/mcp` },
          compare,
        ),
      );
    if (!issuers.includes(issuer))
      findings.push(
        say('issuer_missing', 'the metadata does not name the issuer of this tenant', { issuer }, compare),
      );
    const scope = `api://${apiClientId}/${REQUIRED_SCOPE}`;
    if (!scopes.includes(scope))
      findings.push(
        say('scope_missing', 'the metadata does not name the scope that the app needs', { scope }, compare),
      );
  }
  return { step, findings, durationMs, ...(findings.length === 0 && { value: true as const }) };
}

async function issuerStep(deps: FlowDeps, { tenantId, signal }: TaskHelpers): Promise<Step<true>> {
  const { findings, discovery, evidence } = await lookAtTenant(tenantId, deps, signal);
  const durationMs = Number(evidence['discoveryMs'] ?? 0) + Number(evidence['keysMs'] ?? 0);
  return { step: 'issuer', findings, durationMs, ...(discovery && { value: true as const }) };
}

const rpcSchema = z.looseObject({ result: z.looseObject({ protocolVersion: z.string() }) });

async function requestStep(token: string, deps: FlowDeps, helpers: TaskHelpers): Promise<Step<true>> {
  const step = 'request';
  const url = `${deps.config.publicOrigin}/mcp`;
  const answer = await call(deps, helpers, { method: 'POST', url, body: initialize, token });
  if (!answer.ok) return unreachable(step, answer) ?? { step, findings: [] };
  const { status, body, durationMs } = answer.value;
  if (status === 200 && rpcSchema.safeParse(body).success)
    return { step, findings: [], durationMs, value: true };
  if (status === 403) return { step, durationMs, findings: [{ ...mayNotUse, evidence: { status } }] };
  const refused = status === 401;
  return {
    step,
    durationMs,
    findings: [
      say(
        refused ? 'token_refused' : 'request_failed',
        refused
          ? 'the mcp app refuses the token of the session'
          : `the mcp app does not answer an initialize as MCP wants it: status ${status}`,
        { status },
        refused
          ? 'Ask for jwt_token_validation with the same session: it names the rule.'
          : 'Look into the log of the mcp app under the trace of this delegation.',
      ),
    ],
  };
}

const mayNotUse: Finding = {
  rule: 'role_cannot_use',
  severity: 'info',
  message: "the token of the session was let in, but its owner's roles do not include mcp.use",
  evidence: {},
  remedy: 'Use the session of an Admin, an Operator or a User to see the last step answered.',
};

const notKept: Finding = {
  rule: 'token_not_kept',
  severity: 'info',
  message: 'no authenticated request was made: there is no session that keeps its token',
  evidence: {},
  remedy: 'Open a session with {"keepToken": true} and name it, to have the last step walked too.',
};
