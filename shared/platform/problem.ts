import type { DomainError, ErrorKind } from './errors.ts';

const statuses = {
  invalid: [400, 'Bad Request'],
  unauthenticated: [401, 'Unauthorized'],
  forbidden: [403, 'Forbidden'],
  not_found: [404, 'Not Found'],
  method_not_allowed: [405, 'Method Not Allowed'],
  already_exists: [409, 'Conflict'],
  conflict: [412, 'Precondition Failed'],
  too_large: [413, 'Content Too Large'],
  unsupported_media_type: [415, 'Unsupported Media Type'],
  exhausted: [429, 'Too Many Requests'],
  unavailable: [503, 'Service Unavailable'],
  timeout: [504, 'Gateway Timeout'],
  cancelled: [409, 'Conflict'],
  internal: [500, 'Internal Server Error'],
} as const satisfies Record<ErrorKind, readonly [number, string]>;

/** The body of `application/problem+json`, RFC 9457. */
export interface Problem extends Omit<DomainError, 'message' | 'retryAfterMs'> {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

/** The one mapping of a domain error to HTTP. */
export function toProblem(error: DomainError): Problem {
  const [status, title] = statuses[error.kind];
  return {
    type: `urn:mcp-registry-gateway:problem:${error.kind}`,
    title,
    status,
    detail: error.message,
    kind: error.kind,
    ...(error.errors && { errors: error.errors }),
  };
}
