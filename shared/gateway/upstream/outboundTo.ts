import { LRUCache } from 'lru-cache';
import type { Credentials } from '../../identity/credentials/credentials.ts';
import type { CredentialOwner } from '../../identity/credentials/credentialSources.ts';
import type { DomainError, ErrorKind } from '../../platform/base/errors.ts';
import { fail, type Failure, type Result, succeed } from '../../platform/base/result.ts';
import { headerOf, type OutboundResponse } from '../../platform/outbound/exchange.ts';
import type { OutboundClient, OutboundRequest } from '../../platform/outbound/outboundClient.ts';
import { redactedBody } from '../../platform/outbound/redactedBody.ts';
import { createRedactor, type Redactor } from '../../platform/security/redact.ts';
import type { Seal } from '../../platform/security/seal.ts';
import { openUrl } from '../../registry/records/serverUrl.ts';
import { credentialsIn, literalsIn, type UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import { secretsIn } from '../../registry/secrets/urlSecrets.ts';
import { LINGER_MS, MAX_REDACTORS } from '../protocol/limits.ts';

/**
 * Returns the client for one server. It adds the headers that the record of the server names, with the values of their
 * credentials, and opens the URL where the record hides a secret of it. A personal credential has the value of its owner then. It
 * redacts these values in every answer, because a server may echo its requests.
 */
export type OutboundTo = (server: UpstreamTarget, owner?: () => CredentialOwner) => OutboundClient;

/** The whole URL of a server, and the secrets in it. */
interface Opened {
  /** Undefined where the key that sealed it was removed. */
  readonly url: string | undefined;
  readonly secrets: readonly string[];
}

/**
 * A request without one of its credentials is not sent. The failure is `sign_in_needed` for a user without an account at the
 * server, `unavailable` where a token cannot be had now, and else `forbidden`, and names the credential. A request whose credential
 * the server refuses is sent once more where there is another value of it.
 */
export function createOutboundTo(outbound: OutboundClient, credentials: Credentials, seal: Seal): OutboundTo {
  const redactors = new LRUCache<string, { readonly redactor: Redactor | undefined }>({ max: MAX_REDACTORS });
  /** By record. The catalogue caches records, so most calls open none. */
  const opened = new WeakMap<UpstreamTarget, Opened>();

  function open(target: UpstreamTarget): Opened {
    const known = opened.get(target);
    if (known) return known;
    const url = openUrl(target, target.tenantId, seal);
    const made = { url, secrets: target.sealedUrl === undefined || url === undefined ? [] : secretsIn(url) };
    opened.set(target, made);
    return made;
  }

  function redactorOf(secrets: readonly string[]): Redactor | undefined {
    const key = secrets.join('\n');
    const known = redactors.get(key);
    if (known) return known.redactor;
    const redactor = createRedactor(secrets);
    redactors.set(key, { redactor });
    return redactor;
  }

  return (target, owner) => {
    const { tenantId, slug, url, sealedUrl, upstream } = target;
    if (upstream?.headers === undefined && sealedUrl === undefined) return outbound;
    const literals = literalsIn(upstream);
    const named = credentialsIn(upstream);
    const isRenewable = named.some(([, credential]) => credentials.isRenewable(credential));
    const { url: whole, secrets: secretsOfUrl } = open(target);
    if (whole === undefined) return unopened(outbound);
    // The URL of the request decides, because a server may name another URL for messages.
    const useFor = (request: OutboundRequest) => ({ tenantId, slug, server: url, url: request.url });

    const signedRequest = (request: OutboundRequest, { headers }: Signed): OutboundRequest => ({
      ...request,
      url: request.url === url ? whole : request.url,
      headers,
    });
    const shown = (sent: Result<OutboundResponse>, { secrets }: Signed): Result<OutboundResponse> => {
      const redactor = sent.ok ? redactorOf(secrets) : undefined;
      return sent.ok && redactor ? succeed(redacted(sent.value, redactor)) : sent;
    };

    /** Sends a refused request once more, where there is another value of a credential. Otherwise returns the refusal. */
    async function retry(
      request: OutboundRequest,
      signed: Signed,
      refusal: OutboundResponse,
      isLast = false,
    ): Promise<Result<OutboundResponse>> {
      const renewed = { headers: { ...signed.headers }, secrets: [...signed.secrets] };
      const challenge = headerOf(refusal, 'www-authenticate');
      for (const [name, credential] of named) {
        const value = signed.headers[name];
        if (value === undefined) continue;
        const other = await credentials.refused(credential, useFor(request), owner?.(), value, challenge);
        if (!other.ok) {
          refusal.body.leave(LINGER_MS);
          return unsigned(other.error);
        }
        if (other.value !== undefined && other.value !== value) sign(renewed, name, other.value);
      }
      if (isLast || renewed.secrets.length === signed.secrets.length) return succeed(refusal);
      refusal.body.leave(LINGER_MS);
      const sent = shown(await outbound.request(signedRequest(request, renewed)), renewed);
      return sent.ok && isRefusal(sent.value) ? retry(request, renewed, sent.value, true) : sent;
    }

    return {
      ...outbound,
      async request(request) {
        const signed = { headers: { ...request.headers, ...literals }, secrets: [...secretsOfUrl] };
        for (const [name, credential] of named) {
          const value = await credentials.valueOf(credential, useFor(request), owner?.());
          if (!value.ok) return unsigned(value.error);
          if (value.value !== undefined) sign(signed, name, value.value);
        }
        const sent = shown(await outbound.request(signedRequest(request, signed)), signed);
        return isRenewable && sent.ok && isRefusal(sent.value) ? retry(request, signed, sent.value) : sent;
      },
    };
  };
}

/** The headers of a request, and the secrets that its answer must not show. */
interface Signed {
  readonly headers: Record<string, string>;
  readonly secrets: string[];
}

function sign({ headers, secrets }: Signed, name: string, value: string): void {
  headers[name] = value;
  secrets.push(value);
}

/** Whether the server refuses the credentials of a request: HTTP 401, or 403 for a lack of scopes (RFC 6750, section 3.1). */
const isRefusal = (response: OutboundResponse): boolean =>
  response.statusCode === 401 ||
  (response.statusCode === 403 &&
    headerOf(response, 'www-authenticate')?.includes('insufficient_scope') === true);

/** The kinds of failures that say what the caller can do: sign in, or try again. */
const passed: ReadonlySet<ErrorKind> = new Set(['sign_in_needed', 'unavailable', 'timeout']);

const unsigned = (error: DomainError): Failure =>
  fail(passed.has(error.kind) ? error : { ...error, kind: 'forbidden' });

function redacted({ statusCode, headers, body }: OutboundResponse, redactor: Redactor): OutboundResponse {
  const shown: Record<string, string | string[] | undefined> = {};
  for (const [name, value] of Object.entries(headers))
    shown[name] = Array.isArray(value) ? value.map(redactor.text) : value && redactor.text(value);
  return { statusCode, headers: shown, body: redactedBody(body, redactor) };
}

const unopened = (outbound: OutboundClient): OutboundClient => ({
  ...outbound,
  request: () =>
    Promise.resolve(
      fail({
        kind: 'unavailable',
        message:
          'the key that sealed its URL is no longer in MREG_SEALING_KEYS: send the whole URL again by PUT',
      }),
    ),
});
