import type { Credentials, SignedIn } from '../../identity/credentials.ts';
import type { OutboundClient } from '../../platform/outbound.ts';
import { fail } from '../../platform/result.ts';
import type { UpstreamTarget } from '../../registry/upstreamSettings.ts';

/**
 * The way out to a server: every request has the headers that its record wants, with the values of the credentials that it
 * names. Some are of the user who is signed in then.
 */
export type OutboundTo = (server: UpstreamTarget, user?: () => SignedIn | undefined) => OutboundClient;

/** A request whose credential is missing is not sent: the failure is `unavailable` and names the credential. */
export function createOutboundTo(outbound: OutboundClient, credentials: Credentials): OutboundTo {
  return ({ tenantId, upstream }, user) => {
    const wanted = Object.entries(upstream?.headers ?? {});
    if (wanted.length === 0) return outbound;
    return {
      ...outbound,
      async request(request) {
        const headers: Record<string, string> = { ...request.headers };
        for (const [name, { credential }] of wanted) {
          // Judged by where this very request goes, wherever that came from.
          const use = { tenantId, url: request.url };
          const value = await credentials.valueOf(credential, use, user?.());
          if (!value.ok) return fail({ ...value.error, kind: 'unavailable' });
          headers[name] = value.value;
        }
        return outbound.request({ ...request, headers });
      },
    };
  };
}
