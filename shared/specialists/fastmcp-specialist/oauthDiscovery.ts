import * as z from 'zod';
import { isObject } from '../../gateway/protocol/jsonRpc.ts';
import { tenantHint } from '../../identity/access/tenants.ts';
import { scopeOf } from '../../identity/tokens/refusals.ts';
import { issuerOf } from '../../identity/tokens/signingKeys.ts';
import type { Task } from '../../orchestration/tasks/task.ts';
import { callEndpoint, type EndpointAnswer, tracedHeaders } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { type Inspection, inspectionsOf } from '../inspection.ts';
import { withTimeout } from '../withTimeout.ts';
import {
  bearerChallenge,
  challengeFindings,
  type Observed,
  type ProtectedResource,
} from './challengeFindings.ts';

type OauthDeps = Pick<SpecialistDeps, 'config' | 'authority' | 'outbound' | 'visibleServers' | 'toolsets'>;
interface ProbeContext {
  readonly tenantId: string;
  readonly traceId: string;
  readonly signal: AbortSignal;
}

const CALL_WITHIN_MS = 4_000;
const REGISTRY_WITHIN_MS = 2_000;
const wellKnown = '/.well-known/oauth-protected-resource';
const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
/** Has the form of a JWT, but no issuer signed it. */
const BAD_TOKEN = 'e30.e30.bm9uZQ';

const finding = defineFindings({
  root_metadata: (facts: { status: number; wanted: string }) => ({
    severity: 'warning',
    message: 'clients that request metadata only at the root do not find that of the aggregate endpoint',
    evidence: { ...facts, spec: 'MCP 2025-11-25, authorization' },
    remedy: 'Let every path below /.well-known reach the mcp app.',
  }),
  authorization_server_unreachable: ({ why, ...facts }: OfIssuer & { why: string }) => ({
    severity: 'critical',
    message: `the authorization server that the metadata names does not return its own metadata: ${why}`,
    evidence: facts,
    remedy:
      'Check that the tenant exists and that its issuer can be reached. The task validate_azure_connectivity of mcp-security-auditor shows details.',
  }),
  authorization_server_issuer: (facts: OfIssuer) => ({
    severity: 'critical',
    message:
      'the authorization server names another issuer than the metadata, so clients must reject it (RFC 8414, 3.3)',
    evidence: { ...facts },
    remedy:
      'Use the ids of tenants in MREG_TENANTS. For the gateway itself, let no proxy change its metadata, and set MREG_PUBLIC_ORIGIN of both apps to the origin that clients use.',
  }),
});
interface OfIssuer {
  readonly issuer: string;
  readonly status: number | undefined;
}

const { healthCheck, report } = inspectionsOf('fastmcp-specialist');

export const oauthTasks = (deps: OauthDeps): readonly Task[] => [
  report({
    name: 'oauth_proxy_integration',
    permissions: ['delegations.read'],
    description:
      'Checks how clients find the sign-in of the MCP endpoints; this gateway has no OAuth proxy: clients sign in at the issuer itself, or at the authorization server of the gateway where there is one. Follows the steps of a client that knows only a URL, for the aggregate endpoint, a server’s and a toolset’s: the challenge of each method, the metadata that it names, the authorization server that the metadata names. Reports what differs from RFC 9728, RFC 6750 and MCP.',
    timeoutMs: 20_000,
    input: z.strictObject({}),
    async inspect(_, helpers) {
      const { facts, findings } = await inspectDiscovery(deps, helpers, 'thorough');
      const summary =
        findings[0] === undefined
          ? 'A client that knows only the URL of an endpoint finds where to sign in, for every kind of endpoint.'
          : `${findings.length} problems keep clients from signing in; the first: ${findings[0].message}.`;
      return { summary, facts, findings };
    },
  }),
  healthCheck({
    name: 'check_oauth_proxy_status',
    permissions: ['delegations.read'],
    description:
      'Checks how clients find the sign-in of the MCP endpoints; this gateway has no OAuth proxy. Each kind of MCP endpoint must challenge requests without a token, and the challenge must lead to metadata and an authorization server.',
    timeoutMs: 8_000,
    inspect: (_, helpers) => inspectDiscovery(deps, helpers, 'quick'),
  }),
];

/**
 * Follows the steps of a client that knows only the URL of an endpoint: challenge, metadata, authorization server. Tests one
 * endpoint of each kind. Without a server or toolset it tests an unknown name, which must get the same answers.
 * `thorough` also tests the other methods and an invalid token. These appear as refusals in the audit trail, so it is not for
 * checks that run every minute.
 */
async function inspectDiscovery(
  deps: OauthDeps,
  caller: ProbeContext,
  how: 'quick' | 'thorough',
): Promise<Inspection> {
  const { config, authority } = deps;
  const entra = issuerOf(authority, caller.tenantId);
  const own = config.signInClientId === undefined ? [] : [config.publicOrigin];
  const authorizationServers = [...own, entra];
  const [resources, server, ...ownServers] = await Promise.all([
    resourcesOf(deps, caller),
    inspectAuthorizationServer(entra, deps, caller),
    ...own.map((issuer) => inspectAuthorizationServer(issuer, deps, caller)),
  ]);
  const [ownServer] = ownServers;
  const inspected = await Promise.all(
    resources.map(async (resource) => {
      const observed = await observe(resource, deps, caller, how);
      const expected = { scope: scopeOf(resource.resource), authorizationServers };
      return { resource, observed, findings: challengeFindings(resource, observed, expected) };
    }),
  );
  const root = await call(deps, caller, { method: 'GET', url: config.publicOrigin + wellKnown });
  return {
    facts: {
      endpoints: inspected.map(({ resource, observed }) => ({
        ...resource,
        challenge: challengeOf(observed.withoutToken['POST']),
        metadata: typeof observed.metadata === 'string' ? observed.metadata : observed.metadata.status,
      })),
      authorizationServer: server.facts,
      ...(ownServer && { ownAuthorizationServer: ownServer.facts }),
    },
    findings: [
      ...mergeUnanswered(inspected.flatMap(({ findings }) => findings)),
      ...rootFindings(root, `${config.publicOrigin}/mcp`),
      ...server.findings,
      ...(ownServer?.findings ?? []),
    ],
  };
}

const challengeOf = (answer: EndpointAnswer | string | undefined) =>
  answer === undefined || typeof answer === 'string' ? answer : bearerChallenge(answer);

/** Returns one finding instead of many for an app that does not answer at all. */
function mergeUnanswered(findings: readonly Finding[]): readonly Finding[] {
  const unanswered = findings.filter(({ rule }) => rule === 'challenge_unanswered');
  const [first] = unanswered;
  if (unanswered.length < 2 || !first) return findings;
  const merged: readonly string[] = ['challenge_unanswered', 'metadata_unreachable'];
  return [first, ...findings.filter(({ rule }) => !merged.includes(rule))];
}

async function resourcesOf(
  { config, visibleServers, toolsets }: OauthDeps,
  { tenantId, signal }: ProbeContext,
): Promise<readonly ProtectedResource[]> {
  const slugs = await withTimeout(REGISTRY_WITHIN_MS, signal, () =>
    Promise.all([visibleServers.list(tenantId, { status: 'active' }, 1), toolsets.list(tenantId, 1)]),
  );
  const [servers, sets] = slugs.ok ? slugs.value : [undefined, undefined];
  const { publicOrigin } = config;
  const hint = tenantHint(config, tenantId);
  const at = (kind: string, path: string): ProtectedResource => ({
    kind,
    resource: `${publicOrigin}/${path}${hint}`,
    metadataUrl: `${publicOrigin}${wellKnown}/${path}${hint}`,
  });
  return [
    at('aggregate', 'mcp'),
    at('server', `servers/${servers?.items[0]?.slug ?? 'nobody'}/mcp`),
    at('toolset', `toolsets/${sets?.items[0]?.slug ?? 'nobody'}/mcp`),
  ];
}

async function observe(
  { kind, resource, metadataUrl }: ProtectedResource,
  deps: OauthDeps,
  caller: ProbeContext,
  how: 'quick' | 'thorough',
): Promise<Observed> {
  const isThorough = how === 'thorough';
  const methods = isThorough ? (['POST', 'GET', 'DELETE'] as const) : (['POST'] as const);
  const withBody = (method: string) => method === 'POST' && { body: ping };
  const [answers, withBadToken, metadata] = await Promise.all([
    Promise.all(
      methods.map(async (method): Promise<[string, EndpointAnswer | string]> => [
        method,
        await call(deps, caller, { method, url: resource, ...withBody(method) }),
      ]),
    ),
    // All endpoints share this rule, so the aggregate endpoint is enough.
    isThorough && kind === 'aggregate'
      ? call(deps, caller, { method: 'POST', url: resource, body: ping, token: BAD_TOKEN })
      : undefined,
    call(deps, caller, { method: 'GET', url: metadataUrl }),
  ]);
  return {
    withoutToken: Object.fromEntries(answers),
    metadata,
    ...(withBadToken !== undefined && { withBadToken }),
  };
}

/** Returns the answer, or a text that says why there is none. */
async function call(
  { outbound }: OauthDeps,
  { signal, traceId }: ProbeContext,
  request: Parameters<typeof callEndpoint>[1],
): Promise<EndpointAnswer | string> {
  const answer = await callEndpoint(outbound, {
    ...request,
    headers: { ...tracedHeaders(traceId), accept: 'application/json, text/event-stream' },
    signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_WITHIN_MS)]),
  });
  return answer.ok ? answer.value : answer.error.message;
}

function rootFindings(root: EndpointAnswer | string, resource: string): readonly Finding[] {
  // An app that does not answer has its finding already.
  if (typeof root === 'string') return [];
  if (root.status === 200 && isObject(root.body) && root.body['resource'] === resource) return [];
  return [finding('root_metadata', { status: root.status, wanted: resource })];
}

/** Checks the metadata of an issuer, at the URL that Entra and the gateway both have (OpenID Connect Discovery, 4). */
async function inspectAuthorizationServer(
  issuer: string,
  deps: OauthDeps,
  caller: ProbeContext,
): Promise<Inspection> {
  const url = `${issuer}/.well-known/openid-configuration`;
  const answer = await call(deps, caller, { method: 'GET', url });
  if (typeof answer === 'string' || answer.status !== 200) {
    const { why, status } =
      typeof answer === 'string'
        ? { why: answer, status: undefined }
        : { why: `status ${answer.status}`, status: answer.status };
    return {
      facts: { issuer, reached: false },
      findings: [finding('authorization_server_unreachable', { issuer, status, why })],
    };
  }
  const { status, body, durationMs } = answer;
  const isSame = isObject(body) && body['issuer'] === issuer;
  return {
    facts: { issuer, reached: true, durationMs: Math.round(durationMs) },
    findings: isSame ? [] : [finding('authorization_server_issuer', { issuer, status })],
  };
}
