import type { Credentials, SignedIn } from '../../identity/credentials.ts';
import type { OutboundClient } from '../../platform/outbound.ts';
import type { OutboundResponse } from '../../platform/outboundExchange.ts';
import { type Redactor, createRedactor } from '../../platform/redact.ts';
import { redactedBody } from '../../platform/redactedBody.ts';
import { fail, succeed } from '../../platform/result.ts';
import type { Seal } from '../../platform/seal.ts';
import { secretsIn } from '../../registry/serverJson/hiddenUrl.ts';
import { openUrl } from '../../registry/serverUrl.ts';
import type { UpstreamTarget } from '../../registry/upstreamSettings.ts';

/**
 * The way out to a server. Every request has the headers that its record names, with the values of their credentials, and the
 * whole URL where the record hides a secret of it. Some credentials are of the user who is signed in then. Whatever the server
 * answers is given without these values: a server that echoes its requests tells them to nobody.
 */
export type OutboundTo = (server: UpstreamTarget, user?: () => SignedIn | undefined) => OutboundClient;

/** Redactors that are kept. Most calls send the same few values again and again. */
const MAX_REDACTORS = 500;

/** A request whose credential is missing is not sent: the failure is `unavailable` and names the credential. */
export function createOutboundTo(outbound: OutboundClient, credentials: Credentials, seal: Seal): OutboundTo {
  const redactors = new Map<string, Redactor | undefined>();

  function redactorOf(secrets: readonly string[]): Redactor | undefined {
    const key = secrets.join('\n');
    if (redactors.has(key)) return redactors.get(key);
    const made = createRedactor(secrets);
    redactors.set(key, made);
    const [oldest] = redactors.keys();
    if (redactors.size > MAX_REDACTORS && oldest !== undefined) redactors.delete(oldest);
    return made;
  }

  return (target, user) => {
    const { tenantId, url, sealedUrl, upstream } = target;
    const wanted = Object.entries(upstream?.headers ?? {});
    if (wanted.length === 0 && sealedUrl === undefined) return outbound;
    const whole = openUrl(target, tenantId, seal);
    if (whole === undefined) return unopened(outbound);
    const ofUrl = sealedUrl === undefined ? [] : secretsIn(whole);
    return {
      ...outbound,
      async request(request) {
        const headers: Record<string, string> = { ...request.headers };
        const secrets = [...ofUrl];
        for (const [name, { credential }] of wanted) {
          // Judged by where this very request goes, wherever that came from.
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
          'the key that sealed its URL is no longer in MREG_SEALING_KEYS: give the whole URL again by PUT',
      }),
    ),
});
