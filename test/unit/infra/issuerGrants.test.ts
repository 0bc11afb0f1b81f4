import { afterEach, expect, test, vi } from 'vitest';
import { createGrants, type SignInRequest } from '../../../infra/local/issuer/grants.ts';

afterEach(() => {
  vi.useRealTimers();
});

const grants = createGrants('a secret of the issuer, for this test only');
const request: SignInRequest = {
  authority: 'organizations',
  clientId: 'client',
  redirectUri: 'http://127.0.0.1/callback',
  scope: 'openid',
  resource: null,
  state: null,
  nonce: null,
  challenge: null,
};

test.each([
  { afterS: 599, expected: { oid: 'person' } },
  { afterS: 601, expected: { number: 70008 } },
])('a code of $afterS seconds is $expected', ({ afterS, expected }) => {
  vi.useFakeTimers({ now: 0 });
  const code = grants.issueCode('person', request);
  vi.setSystemTime(afterS * 1_000);
  expect(grants.takeCode(code, { ...request, verifier: null })).toMatchObject(expected);
});

test('a value of one kind is none of another', () => {
  const sealed = grants.keepRequest(request);
  expect(grants.openRequest(sealed)).toEqual(request);
  expect(grants.openRequest(grants.issueCode('person', request))).toBeUndefined();
  expect(grants.takeCode(sealed, { ...request, verifier: null })).toMatchObject({ number: 70000 });
  expect(grants.openRefreshToken(sealed, 'client')).toMatchObject({ number: 70000 });
});
