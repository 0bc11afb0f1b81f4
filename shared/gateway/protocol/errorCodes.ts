import type { DomainError, ErrorKind } from '../../platform/base/errors.ts';
import type { JsonRpcError } from './jsonRpc.ts';

/** Codes that JSON-RPC 2.0 section 5.1 and MCP 2026-07-28 (basic, Error Codes) define. */
export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
export const HEADER_MISMATCH = -32020;
export const MISSING_CLIENT_CAPABILITY = -32021;
export const UNSUPPORTED_VERSION = -32022;
/** Codes of earlier versions, which a modern client must not see. */
export const LEGACY_RESOURCE_NOT_FOUND = -32002;
export const URL_ELICITATION_REQUIRED = -32042;

/**
 * The one mapping of a domain error to JSON-RPC. MCP keeps -32020 to -32099 for itself and asks that own codes lie outside
 * JSON-RPC's range: ours are -31 followed by the HTTP status of the same meaning.
 */
const codes = {
  invalid: INVALID_PARAMS,
  bad_request: INVALID_REQUEST,
  unauthenticated: -31401,
  forbidden: -31403,
  sign_in_needed: URL_ELICITATION_REQUIRED,
  // A client asks for a thing by a parameter, so its absence is a wrong parameter (2026-07-28, server/tools, Error Handling).
  not_found: INVALID_PARAMS,
  method_not_allowed: METHOD_NOT_FOUND,
  already_exists: -31409,
  conflict: -31412,
  too_large: -31413,
  unsupported_media_type: INVALID_REQUEST,
  misdirected: -31421,
  rejected: -31422,
  exhausted: -31429,
  unavailable: -31503,
  timeout: -31504,
  cancelled: -31409,
  internal: INTERNAL_ERROR,
} as const satisfies Record<ErrorKind, number>;

export function toJsonRpcError(error: DomainError, data?: unknown): JsonRpcError {
  return { code: codes[error.kind], message: error.message, ...(data !== undefined && { data }) };
}
