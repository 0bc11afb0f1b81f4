import { boundedLine } from '../../platform/base/boundedLine.ts';
import type { ErrorKind } from '../../platform/base/errors.ts';
import type { JsonRpcError } from '../protocol/jsonRpc.ts';

/** Why an upstream server gave no usable answer. Clients read it in `error.data.kind`. */
export type FaultKind =
  | 'unreachable'
  | 'address_refused'
  | 'timeout'
  | 'credentials_wanted'
  /** The user has no account at the server, so it was not called; or the server refused the account. */
  | 'sign_in_needed'
  | 'http_status'
  | 'not_mcp'
  | 'closed'
  | 'too_large'
  /** Not called: its circuit breaker is open (`resting`), or it has too many calls of this gateway (`busy`). */
  | 'resting'
  | 'busy';

/** The kind of error of each fault for the client. No fault is the client's mistake. */
export const faultErrors = {
  unreachable: 'unavailable',
  address_refused: 'unavailable',
  timeout: 'timeout',
  credentials_wanted: 'unavailable',
  sign_in_needed: 'forbidden',
  http_status: 'unavailable',
  not_mcp: 'unavailable',
  closed: 'unavailable',
  too_large: 'too_large',
  resting: 'unavailable',
  busy: 'exhausted',
} as const satisfies Record<FaultKind, ErrorKind>;

/** What a server itself said with a failure. */
export interface Said {
  /** Its reason, in one bounded line. Only the person who registered the server reads it. */
  readonly reason?: string | undefined;
  /** The JSON-RPC error with which it answered. The server works, so this is no fault of it. */
  readonly rpcError?: JsonRpcError | undefined;
  /** Whether it asks for a bearer token (RFC 6750, section 3). */
  readonly asksForToken?: boolean | undefined;
  /** What a discovery tried, each with its failure. */
  readonly tried?: readonly string[] | undefined;
}

/**
 * A failure of an upstream server. The upstream code throws it; a call or a discovery catches it. The message completes
 * "The server …" and never contains text that the server sent, but for the origin of a redirect.
 */
export class UpstreamFault extends Error {
  override readonly name = 'UpstreamFault';
  readonly kind: FaultKind;
  /** The HTTP status, where it is the fault. */
  readonly status: number | undefined;
  readonly said: Said | undefined;

  constructor(kind: FaultKind, message: string, status?: number, said?: Said) {
    super(message);
    this.kind = kind;
    this.status = status;
    this.said = said;
  }
}

/** Returns a fault that also says what a discovery tried: each attempt with its failure. */
export function afterAttempts(
  fault: UpstreamFault,
  attempts: readonly (readonly [what: string, failure: UpstreamFault])[],
): UpstreamFault {
  const tried = attempts.flatMap(([what, { message, said }]) => said?.tried ?? [`${what} (${message})`]);
  return new UpstreamFault(fault.kind, fault.message, fault.status, { ...fault.said, tried });
}

/** No connection came about, so another request would fail too. */
export class NoConnection extends UpstreamFault {
  constructor(reason: string) {
    super('unreachable', `could not be reached: ${reason}`);
  }
}

/** The user has to sign in at the server first. No request was sent, or the server refused the account of the user. */
export class SignInNeeded extends UpstreamFault {
  /** Where this user signs in. No other user can use it. */
  readonly signInUrl: string;

  constructor(signInUrl: string) {
    super('sign_in_needed', 'needs an account of the user there, and the user has not signed in to it');
    this.signInUrl = signInUrl;
  }
}

/** The server opens no session any more, because it now speaks the modern era. Its record is outdated. */
export class OutdatedEra extends UpstreamFault {
  constructor() {
    super('not_mcp', 'speaks no protocol version of the era that it was registered with');
  }
}

/** A server that answered, but cannot be registered. The message completes "The server …". */
export class UnsuitableServer extends Error {}

/** A server that answered a request of a discovery with a JSON-RPC error. */
export class RefusedRequest extends UnsuitableServer {
  readonly code: number;

  constructor(method: string, code: number, said: string) {
    super(`answered ${method} with the error ${code}${said}`);
    this.code = code;
  }
}

/** Returns the fault of an HTTP status, or `undefined` for a success. `location` is where a redirect leads. */
export function statusFault(status: number, location?: URL): UpstreamFault | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status === 401 || status === 403) {
    return new UpstreamFault(
      'credentials_wanted',
      `answered HTTP ${status}: it wants credentials that the gateway does not have`,
      status,
    );
  }
  if (status < 300 || status >= 400)
    return new UpstreamFault('http_status', `answered HTTP ${status}`, status);
  const target = location === undefined ? '' : ` to ${location.origin}`;
  return new UpstreamFault(
    'http_status',
    `answered HTTP ${status}, a redirect${target}, which the gateway does not follow: it follows 307 and 308 within the origin, five at most`,
    status,
    location && { reason: oneLine(`Location: ${location.origin}${location.pathname}`) },
  );
}

/** Characters of a server's reason: a sentence or two. */
const MAX_REASON_LENGTH = 200;

/** Returns a text of a server as one bounded line of printable characters, or `undefined` where it has none. */
export function oneLine(text: string): string | undefined {
  const line = boundedLine(text, MAX_REASON_LENGTH);
  return line === '' ? undefined : line;
}
