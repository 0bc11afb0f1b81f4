import { expect, test } from 'vitest';
import { type ErrorKind, errorKinds } from '../../../shared/platform/base/errors.ts';
import { toProblem } from '../../../shared/platform/http/problem.ts';

const pinned: Record<ErrorKind, readonly [status: number, title: string]> = {
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
};

test.each(errorKinds.map((kind) => [kind, ...pinned[kind]] as const))(
  '%s is %i %s, with the message as detail',
  (kind, status, title) => {
    expect(toProblem({ kind, message: 'what happened' })).toEqual({
      type: `urn:mcp-registry-gateway:problem:${kind}`,
      title,
      status,
      detail: 'what happened',
      kind,
    });
  },
);

test('what is wrong with the input is told by path', () => {
  const errors = [{ path: 'slug', message: 'is taken' }];
  expect(toProblem({ kind: 'invalid', message: 'see errors', errors })).toMatchObject({ errors });
});
