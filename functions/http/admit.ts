import type { Actor } from '../../shared/identity/access/actor.ts';
import {
  describePermission,
  isPermitted,
  type Permission,
} from '../../shared/identity/access/permissions.ts';
import type { IsRevoked } from '../../shared/identity/access/revocations.ts';
import {
  challenge,
  type ChallengeSettings,
  type Refusal,
  refusalError,
} from '../../shared/identity/tokens/refusals.ts';
import type { TokenVerifier, Verdict } from '../../shared/identity/tokens/verifyToken.ts';
import type { DomainError } from '../../shared/platform/base/errors.ts';
import type { Log } from '../../shared/platform/telemetry/log.ts';
import type { Trace } from '../../shared/platform/telemetry/trace.ts';
import type { AllowedOrigins } from './cors.ts';

export interface AdmissionDeps {
  readonly verifyToken: TokenVerifier;
  readonly isRevoked: IsRevoked;
  /** Web origins whose pages may call. A request of any other page is rejected, also with a valid token. */
  readonly allowedOrigins: AllowedOrigins;
  readonly challenge: ChallengeSettings;
  readonly log: Log;
  /** Receives every rejected request, with the actor if it is known. */
  readonly recordRefusal?: (refusal: Refused) => void;
}

export interface Refused {
  /** The reason, from a closed list: a refusal of the token, a missing permission, or `origin`. */
  readonly reason: Refusal | Permission | 'origin';
  readonly actor?: Actor;
  readonly trace: Trace;
  /** The gateway itself sent the request, to check itself. */
  readonly isOwnCheck: boolean;
}

export type Admission =
  | { readonly actor: Actor }
  | { readonly error: DomainError; readonly headers: Readonly<Record<string, string>> };

/** The request that is admitted, as its route knows it. The functions are called only about a request that is rejected. */
export interface AboutRequest {
  /** The URL of the endpoint: the audience that a token of the gateway's own must have. */
  readonly resource: string;
  /** The settings of the challenge of the path, if it has its own. */
  readonly challenge: () => ChallengeSettings | undefined;
  readonly isOwnCheck: () => boolean;
}

/** Authenticates and authorises a request: first the origin of a page, then the token, then a revocation, then the role. */
export async function admit(
  headers: Headers,
  query: URLSearchParams,
  permission: Permission,
  trace: Trace,
  deps: AdmissionDeps,
  about: AboutRequest,
): Promise<Admission> {
  const origin = headers.get('origin');
  if (origin !== null && deps.allowedOrigins !== 'any' && !deps.allowedOrigins.has(origin)) {
    deps.recordRefusal?.({ reason: 'origin', trace, isOwnCheck: about.isOwnCheck() });
    return {
      error: { kind: 'forbidden', message: 'pages of this web origin may not call the gateway' },
      headers: {},
    };
  }
  const authorization = headers.get('authorization');
  // A token in the URL is ignored. Beside a token in the header it makes the request ambiguous (RFC 6750, sections 2 and 3.1).
  const hasTwo = authorization !== null && query.has('access_token');
  const verdict: Verdict = hasTwo
    ? { refusal: 'repeated' }
    : await deps.verifyToken(authorization, about.resource);
  if ('refusal' in verdict) return reject(verdict.refusal, undefined, trace, deps, about);
  if (await deps.isRevoked(verdict.actor)) return reject('revoked', verdict.actor, trace, deps, about);
  if (!isPermitted(verdict.actor, permission)) {
    deps.recordRefusal?.({ reason: permission, actor: verdict.actor, trace, isOwnCheck: about.isOwnCheck() });
    return {
      error: {
        kind: 'forbidden',
        message: `your roles do not include the permission ${describePermission(permission)}`,
      },
      headers: {},
    };
  }
  return verdict;
}

/** Logs and records a rejected sign-in, and challenges the client. */
function reject(
  reason: Refusal,
  actor: Actor | undefined,
  trace: Trace,
  deps: AdmissionDeps,
  about: AboutRequest,
): Admission {
  const isOwnCheck = about.isOwnCheck();
  // A client without a token has not failed: the answer tells it where to sign in.
  const level = isOwnCheck || reason === 'missing' ? 'info' : 'warn';
  deps.log[level]('sign_in_refused', {
    reason,
    traceId: trace.traceId,
    ...(isOwnCheck && { isOwnCheck }),
  });
  deps.recordRefusal?.({ reason, trace, isOwnCheck, ...(actor && { actor }) });
  const wanted = challenge(reason, about.challenge() ?? deps.challenge);
  return {
    error: refusalError(reason),
    headers: wanted === undefined ? {} : { 'www-authenticate': wanted },
  };
}
