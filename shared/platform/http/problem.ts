import type { DomainError, ErrorKind } from '../base/errors.ts';

const statuses = {
  invalid: [400, 'Bad Request'],
  bad_request: [400, 'Bad Request'],
  unauthenticated: [401, 'Unauthorized'],
  forbidden: [403, 'Forbidden'],
  sign_in_needed: [403, 'Forbidden'],
  not_found: [404, 'Not Found'],
  method_not_allowed: [405, 'Method Not Allowed'],
  already_exists: [409, 'Conflict'],
  conflict: [412, 'Precondition Failed'],
  too_large: [413, 'Content Too Large'],
  unsupported_media_type: [415, 'Unsupported Media Type'],
  misdirected: [421, 'Misdirected Request'],
  rejected: [422, 'Unprocessable Content'],
  exhausted: [429, 'Too Many Requests'],
  unavailable: [503, 'Service Unavailable'],
  timeout: [504, 'Gateway Timeout'],
  cancelled: [409, 'Conflict'],
  internal: [500, 'Internal Server Error'],
} as const satisfies Record<ErrorKind, readonly [number, string]>;

/** The body of `application/problem+json`, RFC 9457. */
export interface Problem extends Omit<DomainError, 'message' | 'retryAfterMs' | 'members'> {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

/** Returns the problem document of a domain error. No other code maps errors to HTTP. */
export function toProblem(error: DomainError): Problem {
  const [status, title] = statuses[error.kind];
  return {
    ...error.members,
    type: `urn:mcp-registry-gateway:problem:${error.kind}`,
    title,
    status,
    detail: error.message,
    kind: error.kind,
    ...(error.errors && { errors: error.errors }),
  };
}

/** The platform replaces an instance in about this time. */
const RETRY_UNAVAILABLE_MS = 5_000;

/** Returns the header `Retry-After` (RFC 9110, section 10.2.3) for errors that a retry may resolve. */
export function retryAfter({ kind, retryAfterMs }: DomainError): Readonly<Record<string, string>> {
  const waitMs = retryAfterMs ?? (kind === 'unavailable' ? RETRY_UNAVAILABLE_MS : undefined);
  return waitMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))) };
}
