import { isObject } from '../../gateway/protocol/jsonRpc.ts';
import type { EndpointAnswer } from '../callEndpoint.ts';
import { defineFindings, type Finding, type RuleText } from '../finding.ts';

/** An endpoint that is a protected resource, and the URL of its metadata. */
export interface ProtectedResource {
  /** `aggregate`, `server` or `toolset`. */
  readonly kind: string;
  readonly resource: string;
  readonly metadataUrl: string;
}

/** The answers of the endpoint and of its metadata URL; a string says why there was no answer. */
export interface Observed {
  /** By HTTP method: a request without a token. */
  readonly withoutToken: Readonly<Record<string, EndpointAnswer | string>>;
  /** Absent where none was sent. */
  readonly withBadToken?: EndpointAnswer | string;
  readonly metadata: EndpointAnswer | string;
}

export interface Expected {
  readonly scope: string;
  readonly authorizationServers: readonly string[];
}

interface Facts {
  readonly kind: string;
  readonly resource: string;
  readonly [fact: string]: unknown;
}
type OfMethod = Facts & { readonly method: string };
type Wanted = Facts & { readonly wanted: string };

const SET_ORIGIN =
  'Set MREG_PUBLIC_ORIGIN of the mcp app to the exact origin that clients use: scheme, host and port, without a path.';
const CHECK_PROXIES =
  'Check whether the mcp app itself answers like this. A proxy, a front door or App Service authentication in front of it may drop or replace its answer.';

const broken = (facts: Facts, message: string, spec: string, remedy = CHECK_PROXIES): RuleText => ({
  severity: 'critical',
  message: `the ${facts.kind} endpoint: ${message}`,
  evidence: { ...facts, spec },
  remedy,
});

const finding = defineFindings({
  challenge_unanswered: ({ what, why, ...facts }: Facts & { what: string; why: string }) =>
    broken(facts, `${what} got no answer: ${why}`, 'RFC 6750, 3'),
  challenge_status: (facts: OfMethod & { status: number }) =>
    broken(
      facts,
      `${facts.method} without a token is answered with ${facts.status}, not 401`,
      'RFC 6750, 3.1',
    ),
  challenge_missing: (facts: OfMethod) =>
    broken(facts, `the 401 of ${facts.method} has no Bearer challenge`, 'RFC 9728, 5.1'),
  challenge_without_metadata: (facts: OfMethod) =>
    broken(facts, `the challenge of ${facts.method} has no resource_metadata`, 'RFC 9728, 5.1'),
  challenge_metadata_elsewhere: (facts: OfMethod & Wanted & { said: string }) =>
    broken(
      facts,
      `the challenge of ${facts.method} names the metadata of another resource`,
      'RFC 9728, 3.1',
      SET_ORIGIN,
    ),
  challenge_scope: (facts: OfMethod & Wanted) =>
    broken(facts, `the challenge of ${facts.method} does not name the required scope`, 'RFC 6750, 3'),
  challenge_with_error: (facts: OfMethod & { error: string }) =>
    broken(
      facts,
      `the challenge of ${facts.method} names an error although no token was sent`,
      'RFC 6750, 3.1',
    ),
  bad_token_answer: (facts: Facts & { status: number }) =>
    broken(facts, 'an invalid token is not answered with 401 and invalid_token', 'RFC 6750, 3.1'),
  metadata_unreachable: ({ why, ...facts }: Facts & { why: string }) =>
    broken(facts, `its metadata cannot be fetched: ${why}`, 'RFC 9728, 3'),
  metadata_status: (facts: Facts & { status: number }) =>
    broken(facts, `its metadata is answered with ${facts.status}, not 200`, 'RFC 9728, 3.2'),
  metadata_form: (facts: Facts & { mediaType: string | undefined }) =>
    broken(facts, 'its metadata is not a JSON object of the type application/json', 'RFC 9728, 3.2'),
  metadata_resource: (facts: Wanted & { said: string | undefined }) =>
    broken(
      facts,
      'its metadata names another resource, so clients must reject it',
      'RFC 9728, 3.3',
      SET_ORIGIN,
    ),
  metadata_authorization_servers: (facts: Facts & { missing: readonly string[] }) =>
    broken(
      facts,
      'its metadata does not name the authorization server of your tenant',
      'RFC 9728, 2; MCP 2025-11-25, authorization, Authorization Server Location',
      'Compare MREG_TENANTS of both apps: the mcp app that answers may have another first tenant, or none.',
    ),
  metadata_scopes: (facts: Wanted) =>
    broken(facts, 'its metadata does not name the scope of its challenge', 'RFC 9728, 2'),
  metadata_bearer_methods: (facts: Facts) =>
    broken(facts, 'its metadata does not say that tokens are sent in the header', 'RFC 9728, 2'),
});

/** Returns the parameters of a Bearer challenge (RFC 9110, section 11.6.1); undefined where there is none. */
export function bearerChallenge({
  headers,
}: Pick<EndpointAnswer, 'headers'>): Readonly<Record<string, string>> | undefined {
  const header = headers['www-authenticate'];
  const text = Array.isArray(header) ? header.join(', ') : (header ?? '');
  if (!/^Bearer(\s|$)/i.test(text)) return undefined;
  return Object.fromEntries(
    [...text.matchAll(/(?<![a-z_])([a-z_]+)="([^"]*)"/gi)].map(([, name = '', value = '']) => [
      name.toLowerCase(),
      value,
    ]),
  );
}

/** Checks one endpoint against RFC 9728, RFC 6750 and the authorization part of MCP: its challenges and its metadata. */
export function challengeFindings(
  { kind, resource, metadataUrl }: ProtectedResource,
  { withoutToken, withBadToken, metadata }: Observed,
  { scope, authorizationServers }: Expected,
): readonly Finding[] {
  const facts = { kind, resource };
  const noAnswer = (what: string, why: string) => finding('challenge_unanswered', { ...facts, what, why });
  const findings: Finding[] = [];
  for (const [method, answer] of Object.entries(withoutToken))
    if (typeof answer === 'string') findings.push(noAnswer(`${method} without a token`, answer));
    else findings.push(...ofChallenge({ ...facts, method }, answer, { metadataUrl, scope }));
  if (typeof withBadToken === 'string')
    findings.push(noAnswer('a request with an invalid token', withBadToken));
  else if (
    withBadToken &&
    (withBadToken.status !== 401 || bearerChallenge(withBadToken)?.['error'] !== 'invalid_token')
  )
    findings.push(finding('bad_token_answer', { ...facts, status: withBadToken.status }));
  return [...findings, ...ofMetadata(metadata, facts, { scope, authorizationServers })];
}

function ofChallenge(
  facts: { readonly kind: string; readonly resource: string; readonly method: string },
  answer: EndpointAnswer,
  wanted: { readonly metadataUrl: string; readonly scope: string },
): readonly Finding[] {
  const { status } = answer;
  if (status !== 401) return [finding('challenge_status', { ...facts, status })];
  const challenge = bearerChallenge(answer);
  if (!challenge) return [finding('challenge_missing', facts)];
  const { resource_metadata: said, error, scope = '' } = challenge;
  const findings: Finding[] = [];
  if (said === undefined) findings.push(finding('challenge_without_metadata', facts));
  else if (said !== wanted.metadataUrl)
    findings.push(finding('challenge_metadata_elsewhere', { ...facts, said, wanted: wanted.metadataUrl }));
  if (!scope.split(' ').includes(wanted.scope))
    findings.push(finding('challenge_scope', { ...facts, wanted: wanted.scope }));
  if (error !== undefined) findings.push(finding('challenge_with_error', { ...facts, error }));
  return findings;
}

function ofMetadata(
  metadata: EndpointAnswer | string,
  facts: { readonly kind: string; readonly resource: string },
  { scope, authorizationServers }: Expected,
): readonly Finding[] {
  if (typeof metadata === 'string') return [finding('metadata_unreachable', { ...facts, why: metadata })];
  const { status, headers, body } = metadata;
  if (status !== 200) return [finding('metadata_status', { ...facts, status })];
  const [mediaType] = String(headers['content-type'] ?? '').split(';', 1);
  if (mediaType?.trim().toLowerCase() !== 'application/json' || !isObject(body))
    return [finding('metadata_form', { ...facts, mediaType })];
  const findings: Finding[] = [];
  if (body['resource'] !== facts.resource) {
    const said = typeof body['resource'] === 'string' ? body['resource'].slice(0, MAX_TEXT) : undefined;
    findings.push(finding('metadata_resource', { ...facts, said, wanted: facts.resource }));
  }
  const servers = list(body['authorization_servers']);
  const missing = authorizationServers.filter((server) => !servers.includes(server));
  if (missing.length > 0) findings.push(finding('metadata_authorization_servers', { ...facts, missing }));
  if (!list(body['scopes_supported']).includes(scope))
    findings.push(finding('metadata_scopes', { ...facts, wanted: scope }));
  if (!list(body['bearer_methods_supported']).includes('header'))
    findings.push(finding('metadata_bearer_methods', facts));
  return findings;
}

const MAX_TEXT = 300;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
