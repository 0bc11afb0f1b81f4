import { isObject } from '../../gateway/protocol/jsonRpc.ts';
import type { EndpointAnswer } from '../callEndpoint.ts';
import type { Finding } from '../finding.ts';

/** An endpoint that is a protected resource, and where its metadata must be. */
export interface ProtectedResource {
  /** `aggregate`, `server` or `toolset`. */
  readonly kind: string;
  readonly resource: string;
  readonly metadataUrl: string;
}

/** What the endpoint and its metadata answered; a string says why there was no answer. */
export interface Observed {
  /** By HTTP method: a request without a token. */
  readonly withoutToken: Readonly<Record<string, EndpointAnswer | string>>;
  /** Absent: none was sent. */
  readonly withBadToken?: EndpointAnswer | string;
  readonly metadata: EndpointAnswer | string;
}

export interface Expected {
  readonly scope: string;
  readonly authorizationServers: readonly string[];
}

/** The parameters of a Bearer challenge (RFC 9110, section 11.6.1); undefined where there is none. */
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

/** Holds one endpoint to RFC 9728, RFC 6750 and the authorization part of MCP: the challenge and the metadata that it leads to. */
export function judgeChallenge(
  { kind, resource, metadataUrl }: ProtectedResource,
  { withoutToken, withBadToken, metadata }: Observed,
  expected: Expected,
): readonly Finding[] {
  const findings: Finding[] = [];
  const wrong = (rule: string, message: string, spec: string, more: object = {}, remedy = LOOK_BETWEEN) => {
    findings.push({
      rule,
      severity: 'critical',
      message: `the ${kind} endpoint: ${message}`,
      evidence: { kind, resource, spec, ...more },
      remedy,
    });
  };
  for (const [method, answer] of Object.entries(withoutToken)) {
    if (typeof answer === 'string') {
      wrong('endpoint_unreachable', `${method} without a token got no answer: ${answer}`, 'RFC 6750, 3', {
        method,
      });
      continue;
    }
    const { status } = answer;
    if (status !== 401) {
      wrong(
        'challenge_status',
        `${method} without a token is answered with ${status}, not 401`,
        'RFC 6750, 3.1',
        { method, status },
      );
      continue;
    }
    const challenge = bearerChallenge(answer);
    if (!challenge) {
      wrong('challenge_missing', `the 401 of ${method} has no Bearer challenge`, 'RFC 9728, 5.1', { method });
      continue;
    }
    const saidUrl = challenge['resource_metadata'];
    if (saidUrl === undefined)
      wrong(
        'challenge_without_metadata',
        `the challenge of ${method} names no resource_metadata`,
        'RFC 9728, 5.1',
        {
          method,
        },
      );
    else if (saidUrl !== metadataUrl)
      wrong(
        'challenge_metadata_elsewhere',
        `the challenge of ${method} names the metadata of another resource`,
        'RFC 9728, 3.1',
        { method, said: saidUrl, wanted: metadataUrl },
        ORIGIN,
      );
    if (!(challenge['scope'] ?? '').split(' ').includes(expected.scope))
      wrong(
        'challenge_scope',
        `the challenge of ${method} does not name the scope to ask for`,
        'RFC 6750, 3',
        {
          method,
          wanted: expected.scope,
        },
      );
    if (challenge['error'] !== undefined)
      wrong(
        'challenge_with_error',
        `the challenge of ${method} names an error although there was no token`,
        'RFC 6750, 3.1',
        { method, error: challenge['error'] },
      );
  }
  if (typeof withBadToken === 'string')
    wrong('endpoint_unreachable', `a request with a bad token got no answer: ${withBadToken}`, 'RFC 6750, 3');
  else if (
    withBadToken &&
    (withBadToken.status !== 401 || bearerChallenge(withBadToken)?.['error'] !== 'invalid_token')
  )
    wrong('bad_token_answer', 'a bad token is not answered with 401 and invalid_token', 'RFC 6750, 3.1', {
      status: withBadToken.status,
    });
  judgeMetadata(metadata, { resource, ...expected }, wrong);
  return findings;
}

type Wrong = (rule: string, message: string, spec: string, more?: object, remedy?: string) => void;

function judgeMetadata(
  metadata: EndpointAnswer | string,
  { resource, scope, authorizationServers }: Expected & { readonly resource: string },
  wrong: Wrong,
): void {
  if (typeof metadata === 'string') {
    wrong('metadata_unreachable', `its metadata cannot be had: ${metadata}`, 'RFC 9728, 3');
    return;
  }
  const { status, headers, body } = metadata;
  if (status !== 200) {
    wrong('metadata_status', `its metadata is answered with ${status}, not 200`, 'RFC 9728, 3.2', { status });
    return;
  }
  const [mediaType] = String(headers['content-type'] ?? '').split(';', 1);
  if (mediaType?.trim().toLowerCase() !== 'application/json' || !isObject(body)) {
    wrong('metadata_form', 'its metadata is no JSON object of the type application/json', 'RFC 9728, 3.2', {
      mediaType,
    });
    return;
  }
  if (body['resource'] !== resource)
    wrong(
      'metadata_resource',
      'its metadata names another resource, so that clients must refuse it',
      'RFC 9728, 3.3',
      { said: text(body['resource']), wanted: resource },
      ORIGIN,
    );
  const servers = list(body['authorization_servers']);
  if (servers.length === 0)
    wrong(
      'metadata_authorization_servers',
      'its metadata names no authorization server',
      'MCP 2025-11-25, authorization, Authorization Server Location',
      {},
      'Set MREG_TENANTS of the mcp app.',
    );
  const missing = authorizationServers.filter((server) => !servers.includes(server));
  if (servers.length > 0 && missing.length > 0)
    wrong(
      'metadata_authorization_servers',
      'its metadata does not name the authorization server of your tenant',
      'RFC 9728, 2',
      { missing },
      'Compare MREG_TENANTS of both apps: the first tenant of the mcp app that answers may be another.',
    );
  if (!list(body['scopes_supported']).includes(scope))
    wrong('metadata_scopes', 'its metadata does not name the scope of its challenge', 'RFC 9728, 2', {
      wanted: scope,
    });
  if (!list(body['bearer_methods_supported']).includes('header'))
    wrong(
      'metadata_bearer_methods',
      'its metadata does not say that tokens go into the header',
      'RFC 9728, 2',
    );
}

const MAX_TEXT = 300;
const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value.slice(0, MAX_TEXT) : undefined;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const ORIGIN =
  'Set MREG_PUBLIC_ORIGIN of the mcp app to the very origin that clients use: scheme, host and port, without a path.';
const LOOK_BETWEEN =
  'See whether the mcp app itself answers so: a proxy, a front door or App Service authentication before it may drop or replace what it says.';
