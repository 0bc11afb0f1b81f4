import * as z from 'zod';
import { readUrl } from '../../platform/base/readUrl.ts';
import { fail, type Failure, type Result, succeed } from '../../platform/base/result.ts';
import { headerOf } from '../../platform/outbound/exchange.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { ACCOUNT_TIMEOUT_MS, MAX_ACCOUNT_SCOPES } from '../limits.ts';
import { type BearerChallenge, bearerChallengeIn } from './bearerChallenge.ts';
import { askServer } from './guardedFetch.ts';

const MAX_SCOPE_LENGTH = 500;
const scopesSchema = z.array(z.string().max(MAX_SCOPE_LENGTH)).max(MAX_ACCOUNT_SCOPES);
const documentSchema = z.object({
  resource: z.string().max(2_000),
  authorization_servers: z.array(z.string().max(2_000)).max(20).default([]),
  scopes_supported: scopesSchema.optional(),
});

/** What a server says about who may call it. */
export interface ProtectedResource {
  /** Its identifier as it publishes it. Absent: the server is older than RFC 9728. */
  readonly resource?: string;
  readonly issuers: readonly string[];
  /** The scopes of its challenge, otherwise those of its metadata. */
  readonly scopes: readonly string[];
}

/** Returns scopes without repetition. A server that names too many gets the first ones: they are stored, and part of a URL. */
export const boundedScopes = (scopes: readonly string[]): readonly string[] =>
  [...new Set(scopes)]
    .filter((each) => each !== '' && each.length <= MAX_SCOPE_LENGTH)
    .slice(0, MAX_ACCOUNT_SCOPES);

export const splitScopes = (scope: string | undefined): readonly string[] =>
  boundedScopes((scope ?? '').split(' '));

/** Returns a failure: the server cannot be signed in to, and only its operator can change that. */
export const unusable = (message: string): Failure => fail({ kind: 'rejected', message });

/**
 * Reads the protected resource metadata of a server (RFC 9728): where its challenge says, otherwise at the path of its URL, then at
 * the root (MCP 2025-11-25, Authorization, Protected Resource Metadata Discovery). Failures: `rejected` for metadata of another
 * resource; `unavailable` while it cannot be read, which never counts as "has none".
 */
export async function findProtectedResource(
  serverUrl: string,
  outbound: OutboundClient,
): Promise<Result<ProtectedResource>> {
  const challenge = await challengeOf(serverUrl, outbound);
  if (!challenge.ok) return challenge;
  const { resourceMetadata, scope } = challenge.value ?? {};
  const places = resourceMetadata === undefined ? wellKnownOf(serverUrl) : [resourceMetadata];
  for (const place of places) {
    const answer = await askServer(outbound, { method: 'GET', url: place });
    if (!answer.ok) return answer;
    if (isOutage(answer.value.status)) return away;
    const document =
      answer.value.status === 200 ? documentSchema.safeParse(answer.value.body).data : undefined;
    if (!document) continue;
    if (!covers(document.resource, serverUrl))
      return unusable('its protected resource metadata is that of another server (RFC 9728, section 3.3)');
    return succeed({
      resource: document.resource,
      issuers: document.authorization_servers,
      scopes: scope === undefined ? (document.scopes_supported ?? []) : splitScopes(scope),
    });
  }
  if (resourceMetadata !== undefined)
    return unusable('its challenge names protected resource metadata that cannot be read');
  return succeed({ issuers: [], scopes: splitScopes(scope) });
}

/** Statuses that say that the answer may be another one later. */
export const isOutage = (status: number): boolean => status >= 500 || status === 429 || status === 408;
export const away = fail({ kind: 'unavailable', message: 'it does not say now where its users sign in' });

const probe = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });

/** Returns the challenge of the server to a request without a token; `undefined` where it answers with none. */
async function challengeOf(
  url: string,
  outbound: OutboundClient,
): Promise<Result<BearerChallenge | undefined>> {
  const sent = await outbound.request({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: probe,
    signal: AbortSignal.timeout(ACCOUNT_TIMEOUT_MS),
  });
  if (!sent.ok) return sent;
  sent.value.body.leave();
  if (isOutage(sent.value.statusCode)) return away;
  return succeed(
    sent.value.statusCode === 401 ? bearerChallengeIn(headerOf(sent.value, 'www-authenticate')) : undefined,
  );
}

function wellKnownOf(serverUrl: string): readonly string[] {
  const { origin, pathname, search } = new URL(serverUrl);
  const root = `${origin}/.well-known/oauth-protected-resource`;
  return pathname === '/' ? [root + search] : [root + pathname + search, root];
}

/** Whether a resource is the server, or a path above it at the same origin. */
function covers(resource: string, serverUrl: string): boolean {
  const [published, own] = [readUrl(resource), new URL(serverUrl)];
  if (published?.origin !== own.origin || published.hash !== '') return false;
  if (published.search !== '' && published.search !== own.search) return false;
  const folder = (path: string) => (path.endsWith('/') ? path : `${path}/`);
  return folder(own.pathname).startsWith(folder(published.pathname));
}
