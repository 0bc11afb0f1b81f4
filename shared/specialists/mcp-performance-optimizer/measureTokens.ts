import { randomBytes } from 'node:crypto';
import { createCachedVerifier } from '../../identity/tokens/cachedVerifier.ts';
import { defaultResource, resourceOfToken } from '../../identity/tokens/resources.ts';
import { keysUrl } from '../../identity/tokens/signingKeys.ts';
import { tokenSettingsOf } from '../../identity/tokens/tokenFacts.ts';
import { createTokenVerifier, type Verdict } from '../../identity/tokens/verifyToken.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { Config } from '../../platform/config/config.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { callEndpoint, type EndpointAnswer, sessionToken } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Limits, measure, type Measured, PublicFault } from './measure.ts';

/** The measurements of the verification of tokens. */
export interface TokenMeasurements {
  /** The keys of the tenant, fetched from the authority as a verifier fetches them. */
  readonly keys: Measured<FetchedKeys>;
  /** `session`: the token that the session keeps. `forged`: a generated token, which must be refused. */
  readonly token: 'session' | 'forged';
  /** The first verification of a verifier that has no keys yet. */
  readonly cold: Measured<Verdict>;
  /** A verification of the signature with cached keys. */
  readonly warm: Measured<Verdict>;
  /** A verification as in a request: valid tokens are cached. */
  readonly remembered: Measured<Verdict>;
  /** How often all these verifications fetched the keys. */
  readonly keyFetches: number;
}

interface FetchedKeys {
  readonly count: number;
  /** The id of the key that a forged token claims to be signed with. */
  readonly keyId: string | undefined;
  readonly cacheControl: string | undefined;
}

/** The settings of the verifier, and how to reach the authority. */
export interface TokensDeps extends Pick<SpecialistDeps, 'authority' | 'outbound' | 'clock'> {
  readonly config: Parameters<typeof tokenSettingsOf>[0] & Pick<Config, 'managementOrigin'>;
}
type Helpers = Pick<TaskHelpers, 'tenantId' | 'token' | 'signal'>;

const KEY_FETCHES = 3;

/**
 * Measures a verifier of its own, made as the apps make theirs, so that no app has to drop its cached keys. The token is never
 * shown. A forged token has a signature of the right length, so that the verifier does all of its work.
 */
export async function measureTokens(
  { config, authority, outbound, clock }: TokensDeps,
  { tenantId, token, signal }: Helpers,
  { withinMs, times }: { readonly withinMs: number; readonly times: number },
): Promise<TokenMeasurements> {
  const endsAt = performance.now() + withinMs;
  const limits = (share: number): Limits => ({ withinMs: (endsAt - performance.now()) * share, signal });
  const keys = await measure((limit) => fetchKeys(outbound, keysUrl(authority, tenantId), limit), {
    ...limits(0.5),
    times: KEY_FETCHES,
  });
  const own = await sessionToken({ token, signal });
  const kept = own === undefined ? 'forged' : 'session';
  const authorization = `Bearer ${own ?? forgedToken(tenantId, keys.last?.keyId)}`;
  const counting = counted(outbound);
  const rules = tokenSettingsOf({ ...config, tenants: new Set([tenantId]) }, authority);
  const resource = own === undefined ? defaultResource(config) : resourceOfToken(own, config);
  const verify = createTokenVerifier(rules, { outbound: counting.client, clock });
  const verifyCached = createCachedVerifier(verify, clock);
  const judge = () => verify(authorization, resource);
  // A verifier that cannot fetch keys would wait for the same fault again.
  const cold = keys.fault ? {} : await measure(judge, { ...limits(0.6), times: 1 });
  const isCold = cold.last === undefined;
  const warm = isCold ? {} : await measure(judge, { ...limits(0.5), times });
  const remembered = isCold
    ? {}
    : await measure(() => verifyCached(authorization, resource), { ...limits(1), times });
  return { keys, token: kept, cold, warm, remembered, keyFetches: counting.requests() };
}

async function fetchKeys(outbound: OutboundClient, url: string, signal: AbortSignal): Promise<FetchedKeys> {
  const answer = await callEndpoint(outbound, { method: 'GET', url, signal });
  if (!answer.ok) throw new PublicFault(answer.error.message);
  const { status, headers } = answer.value;
  const ids = keyIdsIn(answer.value);
  if (status !== 200 || ids.length === 0) throw new PublicFault(`status ${status} without keys`);
  const cacheControl = headers['cache-control'];
  return {
    count: ids.length,
    keyId: ids[0],
    cacheControl: typeof cacheControl === 'string' ? cacheControl.slice(0, 100) : undefined,
  };
}

function keyIdsIn({ body }: EndpointAnswer): readonly string[] {
  const keys: unknown = typeof body === 'object' && body !== null && 'keys' in body ? body.keys : undefined;
  if (!Array.isArray(keys)) return [];
  return keys.flatMap((key: unknown) =>
    typeof key === 'object' && key !== null && 'kid' in key && typeof key.kid === 'string' ? [key.kid] : [],
  );
}

/** Returns a token that no key has signed. Its signature has the length and range of one by a key of 2,048 bits. */
function forgedToken(tenantId: string, keyId = 'unknown'): string {
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signature = randomBytes(256);
  signature[0] = 0;
  const header = { alg: 'RS256', typ: 'JWT', kid: keyId };
  return `${encoded(header)}.${encoded({ tid: tenantId })}.${signature.toString('base64url')}`;
}

/** Returns the same client, which counts its requests. */
function counted(outbound: OutboundClient): { readonly client: OutboundClient; requests(): number } {
  let requests = 0;
  return {
    client: {
      request: (request) => {
        requests += 1;
        return outbound.request(request);
      },
      close: () => outbound.close(),
    },
    requests: () => requests,
  };
}
