import { describe, expect, test } from 'vitest';
import { oauthErrorAnswer } from '../../../../functions/mcp/oauth/answers.ts';
import { type OAuthErrorCode, oauthFailure } from '../../../../shared/identity/broker/oauthError.ts';
import type { ErrorKind } from '../../../../shared/platform/base/errors.ts';

describe('an error of the token endpoint', () => {
  test.each<[OAuthErrorCode, number]>([
    ['invalid_request', 400],
    ['invalid_client', 401],
    ['invalid_grant', 400],
    ['invalid_scope', 400],
    ['invalid_target', 400],
    ['unauthorized_client', 400],
    ['unsupported_grant_type', 400],
    ['access_denied', 400],
    ['temporarily_unavailable', 503],
    ['server_error', 500],
  ])('%s has the status of RFC 6749, section 5.2: %i', (code, status) => {
    const { error } = oauthFailure(code, 'what was "wrong"');
    const answer = oauthErrorAnswer(error);
    expect(answer).toMatchObject({
      status,
      body: { error: code, error_description: "what was 'wrong'" },
      headers: { 'cache-control': 'no-store', pragma: 'no-cache' },
    });
    expect(answer.headers?.['www-authenticate'] !== undefined).toBe(status === 401);
  });

  test.each<[ErrorKind, number, string]>([
    ['too_large', 413, 'invalid_request'],
    ['exhausted', 429, 'temporarily_unavailable'],
    ['timeout', 504, 'temporarily_unavailable'],
  ])('that OAuth does not name keeps the status of HTTP: %s', (kind, status, error) => {
    expect(oauthErrorAnswer({ kind, message: 'm' })).toMatchObject({ status, body: { error } });
  });
});
