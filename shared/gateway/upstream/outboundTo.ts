import { LRUCache } from 'lru-cache';
import type { Credentials, SignedIn } from '../../identity/credentials/credentials.ts';
import { fail, succeed } from '../../platform/base/result.ts';
import type { OutboundResponse } from '../../platform/outbound/exchange.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { redactedBody } from '../../platform/outbound/redactedBody.ts';
import { createRedactor, type Redactor } from '../../platform/security/redact.ts';
import type { Seal } from '../../platform/security/seal.ts';
import { openUrl } from '../../registry/records/serverUrl.ts';
import { credentialsIn, literalsIn, type UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import { secretsIn } from '../../registry/secrets/urlSecrets.ts';
import { MAX_REDACTORS } from '../protocol/limits.ts';

/**
 * Returns the client for one server. It adds the headers that the record of the server names, with the values of their
 * credentials, and opens the URL where the record hides a secret of it. A personal credential has the value of the user who is
 * signed in then. It redacts these values in every answer, because a server may echo its requests.
 */
export type OutboundTo = (server: UpstreamTarget, user?: () => SignedIn | undefined) => OutboundClient;

/** The whole URL of a server, and the secrets in it. */
interface Opened {
  /** Undefined where the key that sealed it was removed. */
  readonly url: string | undefined;
  readonly secrets: readonly string[];
}

/** A request whose credential is missing is not sent: the failure is `unavailable` and names the credential. */
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

  return (target, user) => {
    const { tenantId, url, sealedUrl, upstream } = target;
    if (upstream?.headers === undefined && sealedUrl === undefined) return outbound;
    const literals = literalsIn(upstream);
    const named = credentialsIn(upstream);
    const { url: whole, secrets: secretsOfUrl } = open(target);
    if (whole === undefined) return unopened(outbound);
    return {
      ...outbound,
      async request(request) {
        const headers: Record<string, string> = { ...request.headers, ...literals };
        const secrets = [...secretsOfUrl];
        for (const [name, credential] of named) {
          // The URL of this request decides, because a server may name another URL for messages.
          const use = { tenantId, url: request.url };
          const value = await credentials.valueOf(credential, use, user?.());
          if (!value.ok) return fail({ ...value.error, kind: 'unavailable' });
          headers[name] = value.value;
          secrets.push(value.value);
        }
        const sent = await outbound.request({
          ...request,
          url: request.url === url ? whole : request.url,
          headers,
        });
        const redactor = sent.ok ? redactorOf(secrets) : undefined;
        return sent.ok && redactor ? succeed(redacted(sent.value, redactor)) : sent;
      },
    };
  };
}

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
