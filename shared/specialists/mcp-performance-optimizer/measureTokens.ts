import { randomBytes } from 'node:crypto';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { rememberVerified } from '../../identity/tokens/cachedVerifier.ts';
import { type Verdict, createTokenVerifier } from '../../identity/tokens/verifyToken.ts';
import type { Config } from '../../platform/config/config.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { type EndpointAnswer, callEndpoint } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import { tokenOf } from '../tokenOf.ts';
import { type Limits, type Measured, TellableFault, measure } from './measure.ts';

/** What was measured of the verification of tokens. */
export interface TokensLook {
  /** Keys of the tenant, fetched from the authority as a verifier does. */
  readonly keys: Measured<FetchedKeys>;
  /** `session`: the token that the caller has let the session keep. `forged`: one made up, which must be refused. */
  readonly token: 'session' | 'forged';
  /** The first verification of a verifier that has no keys yet. */
  readonly cold: Measured<Verdict>;
  /** The signature is checked, with keys that are there. */
  readonly warm: Measured<Verdict>;
  /** As requests are verified: a token that was good is remembered. */
  readonly remembered: Measured<Verdict>;
  /** How often the keys were fetched for all these verifications. */
  readonly keyFetches: number;
}

interface FetchedKeys {
  readonly count: number;
  /** The id of the key that a forged token claims to be signed with. */
  readonly keyId: string | undefined;
  readonly cacheControl: string | undefined;
}

/** Whose tokens are verified, and how the authority is reached. */
export interface TokensDeps extends Pick<SpecialistDeps, 'authority' | 'outbound' | 'clock'> {
  readonly config: Pick<Config, 'apiClientId'>;
}
type Helpers = Pick<TaskHelpers, 'tenantId' | 'token' | 'signal'>;

const KEY_FETCHES = 3;

/**
 * Measures a verifier of its own, made as the apps make theirs, so that no app has to forget its keys. A token is used and
 * never told; a forged one has a signature of the right length that fits nothing, so that all the work is done on it.
 */
export async function lookAtTokens(
  { config, authority, outbound, clock }: TokensDeps,
  { tenantId, token, signal }: Helpers,
  { withinMs, times }: { readonly withinMs: number; readonly times: number },
): Promise<TokensLook> {
  const endsAt = performance.now() + withinMs;
  const limits = (share: number): Limits => ({ withinMs: (endsAt - performance.now()) * share, signal });
  const keysUrl = `${authority}/${tenantId}/discovery/v2.0/keys`;
  const keys = await measure((limit) => fetchKeys(outbound, keysUrl, limit), {
    ...limits(0.5),
    times: KEY_FETCHES,
  });
  const own = await tokenOf({ token, signal });
  const kept = own === undefined ? 'forged' : 'session';
  const authorization = `Bearer ${own ?? forgedToken(tenantId, keys.last?.keyId)}`;
  const counting = counted(outbound);
  const rules = { authority, audience: config.apiClientId, tenants: new Set([tenantId]) };
  const verify = createTokenVerifier(rules, { outbound: counting.client, clock });
  const asRequestsAre = rememberVerified(verify, clock);
  // A verifier without keys would only wait for the same once more.
  const cold = keys.fault ? {} : await measure(() => verify(authorization), { ...limits(0.6), times: 1 });
  const isCold = cold.last === undefined;
  const warm = isCold ? {} : await measure(() => verify(authorization), { ...limits(0.5), times });
  const remembered = isCold ? {} : await measure(() => asRequestsAre(authorization), { ...limits(1), times });
  return { keys, token: kept, cold, warm, remembered, keyFetches: counting.requests() };
}

async function fetchKeys(outbound: OutboundClient, url: string, signal: AbortSignal): Promise<FetchedKeys> {
  const answer = await callEndpoint(outbound, { method: 'GET', url, signal });
  if (!answer.ok) throw new TellableFault(answer.error.message);
  const { status, headers } = answer.value;
  const ids = keyIdsIn(answer.value);
  if (status !== 200 || ids.length === 0) throw new TellableFault(`status ${status} without keys`);
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

/** Nobody signed it: its signature is as long as one of a key of 2,048 bits, and a number that such a key can hold. */
function forgedToken(tenantId: string, keyId = 'unknown'): string {
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signature = randomBytes(256);
  signature[0] = 0;
  const header = { alg: 'RS256', typ: 'JWT', kid: keyId };
  return `${encoded(header)}.${encoded({ tid: tenantId })}.${signature.toString('base64url')}`;
}

/** The same client, which counts. */
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
