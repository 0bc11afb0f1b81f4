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
  /** Not called: it has failed too often, or has too much to do for us already. */
  | 'resting'
  | 'busy';

/** The kind of error that each is to whoever called the gateway: never the caller's own mistake. */
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
 * An upstream server failed us. Thrown by the code that speaks to it, caught where a call or a discovery ends. The message
 * completes "The server …", is made of the gateway's words only, and never holds what the upstream sent.
 */
export class UpstreamFault extends Error {
  override readonly name = 'UpstreamFault';
  readonly kind: FaultKind;
  /** The HTTP status, where the fault is one. */
  readonly status: number | undefined;

  constructor(kind: FaultKind, message: string, status?: number) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}

/** The server opens no session any more since it has come to speak the modern era: what we know of it is out of date. */
export class OutdatedEra extends UpstreamFault {
  constructor() {
    super('not_mcp', 'speaks no protocol version of the era that it was registered with');
  }
}

/** The fault that an HTTP status is, or undefined for a success. */
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
