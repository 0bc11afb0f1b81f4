/** What can go wrong by itself or by its caller's doing. Each kind has one HTTP status and one JSON-RPC code. */
export const errorKinds = [
  'invalid',
  /** The HTTP request itself is malformed. */
  'bad_request',
  'unauthenticated',
  'forbidden',
  'not_found',
  'method_not_allowed',
  'already_exists',
  'conflict',
  'too_large',
  'unsupported_media_type',
  /** Sent to a host that the app does not answer for. */
  'misdirected',
  'exhausted',
  'unavailable',
  'timeout',
  'cancelled',
  'internal',
] as const;
export type ErrorKind = (typeof errorKinds)[number];

/** One thing wrong with the input: `path` is a JSON path without the root, `''` for the whole. */
export interface InputProblem {
  readonly path: string;
  readonly message: string;
}

/** An expected failure. `message` is for the caller: it holds no secret, no stack, no upstream body. */
export interface DomainError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly errors?: readonly InputProblem[];
  /** When it is worth to try again, for a failure that passes by itself. */
  readonly retryAfterMs?: number;
}

/** A part that we stand on failed (tables, Redis, whichever of them keeps the state, Service Bus). Thrown; its cause goes to the log and never to a caller. */
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
