import type { ErrorKind } from '../../platform/base/errors.ts';

/** Why an upstream server gave no usable answer. Clients read it in `error.data.kind`. */
export type FaultKind =
  | 'unreachable'
  | 'address_refused'
  | 'timeout'
  | 'credentials_wanted'
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
  http_status: 'unavailable',
  not_mcp: 'unavailable',
  closed: 'unavailable',
  too_large: 'too_large',
  resting: 'unavailable',
  busy: 'exhausted',
} as const satisfies Record<FaultKind, ErrorKind>;

/**
 * A failure of an upstream server. The upstream code throws it; a call or a discovery catches it. The message completes
 * "The server …" and never contains text that the server sent.
 */
export class UpstreamFault extends Error {
  override readonly name = 'UpstreamFault';
  readonly kind: FaultKind;
  /** The HTTP status, where it is the fault. */
  readonly status: number | undefined;

  constructor(kind: FaultKind, message: string, status?: number) {
    super(message);
    this.kind = kind;
    this.status = status;
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

  constructor(method: string, code: number) {
    super(`answered ${method} with the error ${code}`);
    this.code = code;
  }
}

/** Returns the fault of an HTTP status, or `undefined` for a success. */
export function statusFault(status: number): UpstreamFault | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status === 401 || status === 403) {
    return new UpstreamFault(
      'credentials_wanted',
      `answered HTTP ${status}: it wants credentials that the gateway does not have`,
      status,
    );
  }
  if (status >= 300 && status < 400) {
    return new UpstreamFault(
      'http_status',
      `answered HTTP ${status}, a redirect, which the gateway never follows`,
      status,
    );
  }
  return new UpstreamFault('http_status', `answered HTTP ${status}`, status);
}
