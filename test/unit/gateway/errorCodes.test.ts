import { expect, test } from 'vitest';
import { toJsonRpcError } from '../../../shared/gateway/protocol/errorCodes.ts';
import { type ErrorKind, errorKinds } from '../../../shared/platform/base/errors.ts';

const pinned: Record<ErrorKind, number> = {
  invalid: -32602,
  bad_request: -32600,
  unauthenticated: -31401,
  forbidden: -31403,
  sign_in_needed: -32042,
  not_found: -32602,
  method_not_allowed: -32601,
  already_exists: -31409,
  conflict: -31412,
  too_large: -31413,
  unsupported_media_type: -32600,
  misdirected: -31421,
  rejected: -31422,
  exhausted: -31429,
  unavailable: -31503,
  timeout: -31504,
  cancelled: -31409,
  internal: -32603,
};

test.each(errorKinds.map((kind) => [kind, pinned[kind]] as const))('%s is %i in JSON-RPC', (kind, code) => {
  expect(toJsonRpcError({ kind, message: 'what happened' })).toEqual({ code, message: 'what happened' });
});
