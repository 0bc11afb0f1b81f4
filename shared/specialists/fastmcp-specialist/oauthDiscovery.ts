import { isObject } from '../../gateway/protocol/jsonRpc.ts';
import { REQUIRED_SCOPE } from '../../identity/tokens/verifyToken.ts';
import { type EndpointAnswer, callEndpoint } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import { tenantHint } from '../../identity/access/tenants.ts';
import { tracedHeaders } from '../tracedHeaders.ts';
import { withinTime } from '../withTimeout.ts';
import { type Observed, type ProtectedResource, bearerChallenge, judgeChallenge } from './challengeFindings.ts';

export type OauthDeps = Pick<
  SpecialistDeps,
  'config' | 'authority' | 'outbound' | 'visibleServers' | 'toolsets'
>;
interface Caller {
  readonly tenantId: string;
  readonly traceId: string;
  readonly signal: AbortSignal;
}
export interface Look {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
}

const CALL_WITHIN_MS = 4_000;
const REGISTRY_WITHIN_MS = 2_000;
const wellKnown = '/.well-known/oauth-protected-resource';
const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
/** Of the form of a JWT, and of no issuer. */
const BAD_TOKEN = 'e30.e30.bm9uZQ';

/**
 * Goes the way of a client that knows only the URL of an endpoint: challenge, metadata, authorization server. One endpoint of
 * each kind; where there is no server or toolset the endpoint is that of a name that nobody has, and must answer alike.
 * `thorough`: also with the other methods and with a bad token, which are refusals in the audit trail: not for every minute.
 */
export async function lookAtOauthChain(
  deps: OauthDeps,
  caller: Caller,
  how: 'quick' | 'thorough',
): Promise<Look> {
  const { config, authority } = deps;
  const issuerOf = (tenant: string) => `${authority}/${tenant}/v2.0`;
  const expected = {
    scope: `api://${config.apiClientId}/${REQUIRED_SCOPE}`,
    authorizationServers: [issuerOf(caller.tenantId)],
  };
  const [resources, server] = await Promise.all([
    resourcesOf(deps, caller),
    lookAtAuthorizationServer(issuerOf(caller.tenantId), deps, caller),
  ]);
  const looked = await Promise.all(
    resources.map(async (resource) => {
      const observed = await observe(resource, deps, caller, how);
      return { resource, observed, findings: judgeChallenge(resource, observed, expected) };
    }),
  );
  const root = await call(deps, caller, { method: 'GET', url: config.publicOrigin + wellKnown });
  return {
    facts: {
      endpoints: looked.map(({ resource, observed }) => ({
        ...resource,
        challenge: challengeOf(observed.withoutToken['POST']),
        metadata: typeof observed.metadata === 'string' ? observed.metadata : observed.metadata.status,
      })),
      authorizationServer: server.facts,
    },
    findings: [
      ...common(looked.flatMap(({ findings }) => findings)),
      ...rootFindings(root, `${config.publicOrigin}/mcp`),
      ...server.findings,
    ],
  };
}

const challengeOf = (answer: EndpointAnswer | string | undefined) =>
  answer === undefined || typeof answer === 'string' ? answer : bearerChallenge(answer);

/** An app that does not answer at all is one finding. */
function common(findings: readonly Finding[]): readonly Finding[] {
  const silent = findings.filter(({ rule }) => rule === 'endpoint_unreachable');
  return silent.length < 2 || !silent[0]
    ? findings
    : [
        silent[0],
        ...findings.filter(({ rule }) => rule !== 'endpoint_unreachable' && rule !== 'metadata_unreachable'),
      ];
}

async function resourcesOf(
  { config, visibleServers, toolsets }: OauthDeps,
  { tenantId, signal }: Caller,
): Promise<readonly ProtectedResource[]> {
  const slugs = await withinTime(REGISTRY_WITHIN_MS, signal, () =>
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
  caller: Caller,
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
    // One rule for all endpoints: it is tried where everyone goes.
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

/** The answer, or in words why there is none. */
async function call(
  { outbound }: OauthDeps,
  { signal, traceId }: Caller,
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
  // An app that does not answer is told of already.
  if (typeof root === 'string') return [];
  if (root.status === 200 && isObject(root.body) && root.body['resource'] === resource) return [];
  return [
    {
      rule: 'root_metadata',
      severity: 'warning',
      message: 'clients that look for metadata at the root only do not find that of the aggregate endpoint',
      evidence: { status: root.status, wanted: resource, spec: 'MCP 2025-11-25, authorization' },
      remedy: 'Let every path below /.well-known through to the mcp app.',
    },
  ];
}

/** The document of the issuer of the caller's own tenant, at the one of its places that Entra has (OpenID Connect Discovery, 4). */
async function lookAtAuthorizationServer(issuer: string, deps: OauthDeps, caller: Caller): Promise<Look> {
  const answer = await call(deps, caller, {
    method: 'GET',
    url: `${issuer}/.well-known/openid-configuration`,
  });
  const finding = (rule: string, message: string, remedy: string): Finding => ({
    rule,
    severity: 'critical',
    message,
    evidence: { issuer, ...(typeof answer !== 'string' && { status: answer.status }) },
    remedy,
  });
  if (typeof answer === 'string' || answer.status !== 200)
    return {
      facts: { issuer, reached: false },
      findings: [
        finding(
          'authorization_server_unreachable',
          `the authorization server that the metadata leads to does not give its own: ${typeof answer === 'string' ? answer : `status ${answer.status}`}`,
          'See that the tenant exists and its issuer can be reached; mcp-security-auditor looks at it in detail.',
        ),
      ],
    };
  const said = isObject(answer.body) ? answer.body['issuer'] : undefined;
  return {
    facts: { issuer, reached: true, durationMs: Math.round(answer.durationMs) },
    findings:
      said === issuer
        ? []
        : [
            finding(
              'authorization_server_issuer',
              'the authorization server names another issuer than the metadata, so that clients must refuse it (RFC 8414, 3.3)',
              'Name tenants in MREG_TENANTS by their ids.',
            ),
          ],
  };
}
