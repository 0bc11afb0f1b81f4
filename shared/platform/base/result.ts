import type { DomainError } from './errors.ts';

/** An expected outcome: a value, or the reason why there is none. The unexpected is thrown. */
export type Result<T> = { readonly ok: true; readonly value: T } | Failure;
export interface Failure {
  readonly ok: false;
  readonly error: DomainError;
}

export const succeed = <T>(value: T): Result<T> => ({ ok: true, value });
export const fail = (error: DomainError): Failure => ({ ok: false, error });
