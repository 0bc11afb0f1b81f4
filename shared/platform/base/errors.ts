/** Kinds of failures. Each kind has one HTTP status and one JSON-RPC code. */
export const errorKinds = [
  'invalid',
  /** The HTTP request itself is malformed. */
  'bad_request',
  'unauthenticated',
  'forbidden',
  /** The user has no account at the upstream server yet. `members.signInUrl` is where the user signs in. */
  'sign_in_needed',
  'not_found',
  'method_not_allowed',
  'already_exists',
  'conflict',
  'too_large',
  'unsupported_media_type',
  /** The request was carried out, and what it asked for was rejected. */
  'rejected',
  /** The request names a host that is not the app's (RFC 9110, section 15.5.20). */
  'misdirected',
  'exhausted',
  'unavailable',
  'timeout',
  'cancelled',
  'internal',
] as const;
export type ErrorKind = (typeof errorKinds)[number];

/** One problem of the input. `path` is a JSON path without the root, `''` for the whole input. */
export interface InputProblem {
  readonly path: string;
  readonly message: string;
}

/** An expected failure. The caller sees `message`: it holds no secret, no stack and no body of an upstream server. */
export interface DomainError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly errors?: readonly InputProblem[];
  /** More that the caller may know: further members of the problem document (RFC 9457, section 3.2). */
  readonly members?: Readonly<Record<string, unknown>>;
  /** Milliseconds after which a retry may succeed. */
  readonly retryAfterMs?: number;
}

/**
 * A service that the gateway depends on failed. `state` is the state store where the caller does not know which service keeps it.
 * It is thrown. Its cause goes to the log and never to a caller.
 */
export class InfrastructureError extends Error {
  readonly part: 'tables' | 'redis' | 'state' | 'service_bus' | 'identity_provider';

  constructor(part: InfrastructureError['part'], operation: string, cause: unknown) {
    super(`${part}: ${operation} failed`, { cause });
    this.name = 'InfrastructureError';
    this.part = part;
  }
}

/** Returns the error that a caller gets for a thrown error. Only the log names the part that failed. */
export function faultError(error: unknown): DomainError {
  return error instanceof InfrastructureError
    ? {
        kind: 'unavailable',
        message: 'a service that the gateway depends on does not answer: try again in a moment',
      }
    : { kind: 'internal', message: 'an unexpected fault: the log has it under the trace id of this answer' };
}
