import { challenge, refusalError } from '../../shared/identity/tokens/challenge.ts';
import { type Permission, isPermitted } from '../../shared/identity/access/permissions.ts';
import type { Principal } from '../../shared/identity/access/actor.ts';
import type { Refusal, TokenVerifier, Verdict } from '../../shared/identity/tokens/verifyToken.ts';
import type { DomainError } from '../../shared/platform/base/errors.ts';
import type { Log } from '../../shared/platform/telemetry/log.ts';
import type { Trace } from '../../shared/platform/telemetry/trace.ts';
import type { AllowedOrigins } from './cors.ts';

export interface AdmissionDeps {
  readonly verifyToken: TokenVerifier;
  /** Web origins whose pages may call; a request of any other page is refused, whatever its token. */
  readonly allowedOrigins: AllowedOrigins;
  readonly challenge: { readonly scope: string; readonly resourceMetadata?: string };
  readonly log: Log;
  /** Told of everyone who is turned away; `principal` where it is known who that is. */
  readonly recordRefusal?: (refusal: Refused) => void;
}

export interface Refused {
  /** Why, from a closed list: the reason of a refused token, a permission that is lacking, or `origin`. */
  readonly reason: Refusal | Permission | 'origin';
  readonly principal?: Principal;
  readonly trace: Trace;
}

export type Admission =
  | { readonly principal: Principal }
  | { readonly error: DomainError; readonly headers: Readonly<Record<string, string>> };

/** Who calls and whether they may: the origin of a page first, then the token, then the role. `resourceMetadata`: of the route, where it has its own. */
export async function admit(
  headers: Headers,
  query: URLSearchParams,
  permission: Permission,
  trace: Trace,
  deps: AdmissionDeps,
  resourceMetadata: () => string | undefined,
): Promise<Admission> {
  const origin = headers.get('origin');
  if (origin !== null && deps.allowedOrigins !== 'any' && !deps.allowedOrigins.has(origin)) {
    deps.recordRefusal?.({ reason: 'origin', trace });
    return {
      error: { kind: 'forbidden', message: 'pages of this web origin may not call the gateway' },
      headers: {},
    };
  }
  const authorization = headers.get('authorization');
  // A token in the URL does not count. Beside one in the header it makes the request ambiguous (RFC 6750, sections 2 and 3.1).
  const hasTwo = authorization !== null && query.has('access_token');
  const verdict: Verdict = hasTwo ? { refusal: 'repeated' } : await deps.verifyToken(authorization);
  if ('refusal' in verdict) {
    deps.log.warn('sign_in_refused', { reason: verdict.refusal, traceId: trace.traceId });
    deps.recordRefusal?.({ reason: verdict.refusal, trace });
    const own = resourceMetadata();
    const wanted = challenge(verdict.refusal, {
      ...deps.challenge,
      ...(own !== undefined && { resourceMetadata: own }),
    });
    return {
      error: refusalError(verdict.refusal),
      headers: wanted === undefined ? {} : { 'www-authenticate': wanted },
    };
  }
  if (!isPermitted(verdict.principal, permission)) {
    deps.recordRefusal?.({ reason: permission, principal: verdict.principal, trace });
    return {
      error: { kind: 'forbidden', message: `your roles do not include the permission ${permission}` },
      headers: {},
    };
  }
  return verdict;
}
