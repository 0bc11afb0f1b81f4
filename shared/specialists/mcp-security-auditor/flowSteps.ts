import { z } from 'zod';
import { REQUIRED_SCOPE, issuerOf } from '../../identity/tokens/verifyToken.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { Result } from '../../platform/base/result.ts';
import { type EndpointAnswer, callEndpoint } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import { DOCUMENT_WITHIN_MS } from './identityProvider.ts';
import { tracedHeaders } from '../tracedHeaders.ts';
import { tenantHint } from '../../identity/access/tenants.ts';

export type FlowDeps = Pick<SpecialistDeps, 'config' | 'authority' | 'outbound'>;

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** One step of the way that a client goes: what it needs for the next one, or why the way ends here. */
export interface Step<T> {
  readonly step: string;
  readonly value?: T;
  readonly findings: readonly Finding[];
  readonly durationMs?: number;
}

export const say = (
  rule: string,
  message: string,
  evidence: Finding['evidence'],
  remedy: string,
): Finding => ({
  rule,
  severity: 'critical',
  message,
  evidence,
  remedy,
});

const RUNS = 'Check that the mcp app runs, and that MREG_PUBLIC_ORIGIN is where clients reach it.';

export const call = (
  { outbound }: FlowDeps,
  { signal, traceId }: TaskHelpers,
  request: { method: 'GET' | 'POST'; url: string; body?: string; token?: string },
): Promise<Result<EndpointAnswer>> =>
  callEndpoint(outbound, {
    ...request,
    headers: { ...tracedHeaders(traceId), accept: 'application/json, text/event-stream' },
    signal: AbortSignal.any([signal, AbortSignal.timeout(DOCUMENT_WITHIN_MS)]),
  });

export const unreachable = (step: string, answer: Result<EndpointAnswer>): Step<never> | undefined =>
  answer.ok
    ? undefined
    : {
        step,
        findings: [
          say(`${step}_unreachable`, `the mcp app does not answer: ${answer.error.message}`, {}, RUNS),
        ],
      };

/** RFC 6750, section 3, and RFC 9728, section 5.1: a request without a token is told where to begin. */
export async function challengeStep(deps: FlowDeps, helpers: TaskHelpers): Promise<Step<string>> {
  const step = 'challenge';
  const { publicOrigin, apiClientId } = deps.config;
  const answer = await call(deps, helpers, { method: 'POST', url: endpointOf(deps, helpers), body: ping });
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

/** The aggregate endpoint as people of the caller's tenant write it. */
const endpointOf = ({ config }: FlowDeps, { tenantId }: Pick<TaskHelpers, 'tenantId'>): string =>
  `${config.publicOrigin}/mcp${tenantHint(config, tenantId)}`;

const metadataSchema = z.looseObject({
  resource: z.string(),
  authorization_servers: z.array(z.string()).min(1),
  scopes_supported: z.array(z.string()),
});

/** RFC 9728, section 3.3: the metadata must be of the resource that was asked for. */
export async function metadataStep(url: string, deps: FlowDeps, helpers: TaskHelpers): Promise<Step<true>> {
  const step = 'resource_metadata';
  const { apiClientId } = deps.config;
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
    if (resource !== endpointOf(deps, helpers))
      findings.push(
        say(
          'resource_mismatch',
          'the metadata is of another resource',
          { expected: endpointOf(deps, helpers) },
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
