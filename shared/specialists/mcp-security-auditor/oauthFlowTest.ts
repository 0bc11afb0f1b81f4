import * as z from 'zod';
import { LATEST_LEGACY } from '../../gateway/protocol/versions.ts';
import { tenantHint } from '../../identity/access/tenants.ts';
import { scopeOf } from '../../identity/tokens/refusals.ts';
import { defaultResource } from '../../identity/tokens/resources.ts';
import { issuerOf } from '../../identity/tokens/signingKeys.ts';
import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { Result } from '../../platform/base/result.ts';
import { callEndpoint, type EndpointAnswer, tokenFor, tracedHeaders } from '../callEndpoint.ts';
import { tokenNotKept } from '../checkEndpoints.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding, type RuleText } from '../finding.ts';
import { inspectionsOf } from '../inspection.ts';
import { DOCUMENT_WITHIN_MS, inspectTenant } from './identityProvider.ts';

type FlowDeps = Pick<SpecialistDeps, 'config' | 'authority' | 'outbound'>;

const CHECK_APP = 'Check that the mcp app runs, and that MREG_PUBLIC_ORIGIN is where clients reach it.';
const COMPARE_SETTINGS = 'Compare the settings of the app that answers there with this app.';

const unreachable = ({ problem }: { problem: string }): RuleText => ({
  severity: 'critical',
  message: `the mcp app does not answer: ${problem}`,
  evidence: {},
  remedy: CHECK_APP,
});
const finding = defineFindings({
  challenge_unreachable: unreachable,
  resource_metadata_unreachable: unreachable,
  request_unreachable: unreachable,
  no_challenge: ({ status }: { status: number }) => ({
    severity: 'critical',
    message: `a request without a token is answered with ${status} instead of 401`,
    remedy: CHECK_APP,
  }),
  challenge_incomplete: (facts: { status: number }) => ({
    severity: 'critical',
    message: 'the 401 does not name the metadata of the resource (RFC 9728, section 5.1)',
    evidence: facts,
    remedy: 'Check what is between the app and its clients: a proxy changes the header WWW-Authenticate.',
  }),
  challenge_wrong: (facts: { scope: string | null; expected: string }) => ({
    severity: 'critical',
    message: 'the 401 names another scope than the app needs, or names an error although no token was sent',
    evidence: facts,
    remedy: COMPARE_SETTINGS,
  }),
  challenge_elsewhere: (facts: { expected: string }) => ({
    severity: 'critical',
    message: 'the 401 sends clients to another origin than the one in the settings',
    evidence: facts,
    remedy: 'Set MREG_PUBLIC_ORIGIN of both apps to the origin where clients reach the mcp app.',
  }),
  metadata_missing: ({ status }: { status: number }) => ({
    severity: 'critical',
    message: `the protected resource metadata cannot be read: status ${status}`,
    remedy: CHECK_APP,
  }),
  resource_mismatch: (facts: { expected: string }) => ({
    severity: 'critical',
    message: 'the metadata belongs to another resource',
    evidence: facts,
    remedy: COMPARE_SETTINGS,
  }),
  issuer_missing: (facts: { issuer: string }) => ({
    severity: 'critical',
    message: 'the metadata does not name the issuer of this tenant',
    evidence: facts,
    remedy: COMPARE_SETTINGS,
  }),
  scope_missing: (facts: { scope: string }) => ({
    severity: 'critical',
    message: 'the metadata does not name the scope that the app needs',
    evidence: facts,
    remedy: COMPARE_SETTINGS,
  }),
  token_refused: (facts: { status: number }) => ({
    severity: 'critical',
    message: 'the mcp app rejects the token of the session',
    evidence: facts,
    remedy: 'Run jwt_token_validation with the same session: it names the rule.',
  }),
  request_failed: ({ status }: { status: number }) => ({
    severity: 'critical',
    message: `the mcp app does not answer an initialize as MCP requires: status ${status}`,
    remedy: 'Read the log of the mcp app under the trace of this delegation.',
  }),
  role_cannot_use: (facts: { status: number }) => ({
    severity: 'info',
    message: "the mcp app accepts the token of the session, but its owner's roles do not include mcp.use",
    evidence: facts,
    remedy: 'Use the session of an Admin, an Operator or a User to test the last step.',
  }),
});

const { gateCheck } = inspectionsOf('mcp-security-auditor');

/** Follows the steps of a client that knows only the URL of the MCP endpoint, up to its first answer. */
export const oauthFlowTest = (deps: FlowDeps): Task =>
  gateCheck({
    name: 'oauth_flow_end_to_end_test',
    permissions: ['delegations.read'],
    description:
      "Follows the steps of a client over HTTP: the 401 with its challenge, the protected resource metadata, the issuer's metadata and keys, and an authenticated MCP request if the session keeps its token. Names the step that fails.",
    timeoutMs: 40_000,
    async inspect(_, helpers) {
      const steps: Step<unknown>[] = [];
      const add = <T>(step: Step<T>): T | undefined => {
        steps.push(step);
        return step.value;
      };
      const metadataUrl = add(await challengeStep(deps, helpers));
      const found =
        metadataUrl === undefined ? undefined : add(await metadataStep(metadataUrl, deps, helpers));
      if (found !== undefined) add(await issuerStep(deps, helpers));
      const token = tokenFor(defaultResource(deps.config), await helpers.token(), deps.config);
      add(
        token === undefined
          ? { step: 'request', findings: [tokenNotKept('the authenticated request')] }
          : await requestStep(token, deps, helpers),
      );
      return {
        findings: steps.flatMap(({ findings }) => findings),
        facts: {
          steps: steps.map(({ step, findings, durationMs }) => ({
            step,
            passed: findings.length === 0,
            ...(durationMs !== undefined && { durationMs: Math.round(durationMs) }),
          })),
        },
      };
    },
  });

/** The outcome of one step of a client: what the next step needs, or why the client cannot go on. */
interface Step<T> {
  readonly step: string;
  readonly value?: T;
  readonly findings: readonly Finding[];
  readonly durationMs?: number;
}

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

/** The URL of the aggregate endpoint for users of the caller's tenant. */
const endpointOf = ({ config }: FlowDeps, { tenantId }: Pick<TaskHelpers, 'tenantId'>): string =>
  `${config.publicOrigin}/mcp${tenantHint(config, tenantId)}`;

/** A request without a token is challenged (RFC 6750, section 3; RFC 9728, section 5.1). Gives the URL of the metadata. */
async function challengeStep(deps: FlowDeps, helpers: TaskHelpers): Promise<Step<string>> {
  const step = 'challenge';
  const { publicOrigin } = deps.config;
  const answer = await call(deps, helpers, { method: 'POST', url: endpointOf(deps, helpers), body: ping });
  if (!answer.ok)
    return { step, findings: [finding('challenge_unreachable', { problem: answer.error.message })] };
  const { status, headers, durationMs } = answer.value;
  const challenge = String(headers['www-authenticate'] ?? '');
  const parameter = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(challenge)?.[1];
  const metadataUrl = parameter('resource_metadata');
  const expected = scopeOf(endpointOf(deps, helpers));
  const findings: Finding[] = [];
  if (status !== 401) findings.push(finding('no_challenge', { status }));
  else if (!challenge.startsWith('Bearer ') || metadataUrl === undefined)
    findings.push(finding('challenge_incomplete', { status }));
  else if (parameter('scope') !== expected || parameter('error') !== undefined)
    findings.push(finding('challenge_wrong', { scope: parameter('scope') ?? null, expected }));
  // The test does not follow a URL of another origin.
  const isOwn = metadataUrl !== undefined && metadataUrl.startsWith(`${publicOrigin}/`);
  if (metadataUrl !== undefined && !isOwn)
    findings.push(finding('challenge_elsewhere', { expected: publicOrigin }));
  return { step, findings, durationMs, ...(isOwn && { value: metadataUrl }) };
}

const metadataSchema = z.looseObject({
  resource: z.string(),
  authorization_servers: z.array(z.string()).min(1),
  scopes_supported: z.array(z.string()),
});

/** The metadata must belong to the requested resource (RFC 9728, section 3.3). */
async function metadataStep(url: string, deps: FlowDeps, helpers: TaskHelpers): Promise<Step<true>> {
  const step = 'resource_metadata';
  const answer = await call(deps, helpers, { method: 'GET', url });
  if (!answer.ok)
    return { step, findings: [finding('resource_metadata_unreachable', { problem: answer.error.message })] };
  const { status, body, durationMs } = answer.value;
  const metadata = metadataSchema.safeParse(body);
  if (status !== 200 || !metadata.success)
    return { step, durationMs, findings: [finding('metadata_missing', { status })] };
  const { resource, authorization_servers: issuers, scopes_supported: scopes } = metadata.data;
  const expected = endpointOf(deps, helpers);
  const issuer = issuerOf(deps.authority, helpers.tenantId);
  const scope = scopeOf(expected);
  const findings: Finding[] = [];
  if (resource !== expected) findings.push(finding('resource_mismatch', { expected }));
  if (!issuers.includes(issuer)) findings.push(finding('issuer_missing', { issuer }));
  if (!scopes.includes(scope)) findings.push(finding('scope_missing', { scope }));
  return { step, findings, durationMs, ...(findings.length === 0 && { value: true as const }) };
}

async function issuerStep(deps: FlowDeps, { tenantId, signal }: TaskHelpers): Promise<Step<true>> {
  const { findings, discovery, evidence } = await inspectTenant(tenantId, deps, signal);
  const durationMs = Number(evidence['discoveryMs'] ?? 0) + Number(evidence['keysMs'] ?? 0);
  return { step: 'issuer', findings, durationMs, ...(discovery && { value: true as const }) };
}

const rpcSchema = z.looseObject({ result: z.looseObject({ protocolVersion: z.string() }) });

async function requestStep(token: string, deps: FlowDeps, helpers: TaskHelpers): Promise<Step<true>> {
  const step = 'request';
  const url = `${deps.config.publicOrigin}/mcp`;
  const answer = await call(deps, helpers, { method: 'POST', url, body: initialize, token });
  if (!answer.ok)
    return { step, findings: [finding('request_unreachable', { problem: answer.error.message })] };
  const { status, body, durationMs } = answer.value;
  if (status === 200 && rpcSchema.safeParse(body).success)
    return { step, findings: [], durationMs, value: true };
  const rule = status === 403 ? 'role_cannot_use' : status === 401 ? 'token_refused' : 'request_failed';
  return { step, durationMs, findings: [finding(rule, { status })] };
}
