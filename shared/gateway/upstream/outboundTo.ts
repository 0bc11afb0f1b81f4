import type { Credentials } from '../../identity/credentials.ts';
import type { OutboundClient } from '../../platform/outbound.ts';
import { fail } from '../../platform/result.ts';
import type { UpstreamTarget } from '../../registry/upstreamSettings.ts';

/** The way out to a server: every request has the headers that its record wants, with the values of the credentials that it names. */
export type OutboundTo = (server: UpstreamTarget) => OutboundClient;

/** A request whose credential is missing is not sent: the failure is `unavailable` and names the credential. */
export function createOutboundTo(outbound: OutboundClient, credentials: Credentials): OutboundTo {
  return ({ tenantId, upstream }) => {
    const wanted = Object.entries(upstream?.headers ?? {});
    if (wanted.length === 0) return outbound;
    return {
      ...outbound,
      request(request) {
        const headers: Record<string, string> = { ...request.headers };
        for (const [name, { credential }] of wanted) {
          // Judged by where this very request goes, wherever that came from.
          const value = credentials.valueOf(credential, { tenantId, url: request.url });
          if (!value.ok) return Promise.resolve(fail({ ...value.error, kind: 'unavailable' }));
          headers[name] = value.value;
        }
        return outbound.request({ ...request, headers });
      },
    };
  };
}
