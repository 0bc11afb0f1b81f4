import { describe, expect, test } from 'vitest';
import { hideUrlSecrets, secretsIn, secretsNamedIn } from '../../../shared/registry/secrets/urlSecrets.ts';

const base = 'https://mcp.example.com/mcp';

describe('the secret of a URL is hidden', () => {
  test.each([
    ...['code', 'key', 'api_key', 'apikey', 'apiKey', 'API-KEY', 'token', 'access_token', 'sig', 'secret'],
    ...['subscription-key', 'Subscription-Key', 'password', 'passwd', 'pwd', 'client_secret', 'auth', 'sas'],
    ...['X-Amz-Signature', 'session', 'jwt', 'pat', 'credential', 'c%6Fde', 'key2'],
    ...['hmac', 'ticket', 'client_assertion', 'sign', 'ak', 'sk'],
  ])('in the parameter %s', (name) => {
    expect(hideUrlSecrets(`${base}?a=1&${name}=s3cr%2Bt==&b=2`)).toBe(`${base}?a=1&${name}=[hidden]&b=2`);
    expect(secretsIn(`${base}?${name}=s3cr%2Bt==`)).toEqual(['s3cr%2Bt==', 's3cr+t==']);
  });

  test.each([
    ['a token by its form', `?x=ghp_${'a1'.repeat(15)}`, '?x=[hidden]', ['x']],
    ['a token as the whole query', `?ghp_${'a1'.repeat(15)}`, '?[hidden]', ['query']],
    ['a token in the path', `/ghp_${'a1'.repeat(15)}/sse`, '/[hidden]/sse', ['path']],
    ['a secret of a URL within', '?next=https%3A%2F%2Fx%2F%3Fcode%3Dabc', '?next=[hidden]', ['next']],
    ['each of several', '?code=a&token=b;sig=c', '?code=[hidden]&token=[hidden]', ['code', 'token']],
    ['one after a semicolon', '?a=1;token=b;c=2', '?a=1;token=[hidden]', ['token']],
    ['one with a semicolon', '?token=first;second&b=2', '?token=[hidden]&b=2', ['token']],
    ['a name with a percent sign alone', '?tok%65n%zz=abc', '?tok%65n%zz=[hidden]', ['query']],
    ['a user of a URL within', '?db=https%3A%2F%2Fme%3Apass%40x%2F', '?db=[hidden]', ['db']],
  ])('%s', (_what, given, wanted, names) => {
    expect(hideUrlSecrets(base + given)).toBe(base + wanted);
    expect(secretsNamedIn(base + given)).toEqual(names);
  });

  test.each([
    '',
    '?',
    '?a=1&zip=code',
    '?version=2026&tool=x',
    '?code=',
    '?code=[hidden]',
    '?code=%5Bhidden%5D',
  ])('and nothing else: %s', (query) => {
    expect(hideUrlSecrets(base + query)).toBe(base + query);
  });

  test('and each way in which servers read it is known', () => {
    expect(secretsIn(`${base}?token=s3cr%41t%zz`)).toEqual(['s3cr%41t%zz', 's3crAt%zz']);
    expect(secretsIn(`${base}?token=a%2B;sig=b`)).toEqual(['a%2B;sig=b', 'a+;sig=b', 'a%2B', 'a+', 'b']);
  });

  test('with a marker that a parser of URLs leaves as it is', () => {
    const hidden = hideUrlSecrets(`${base}/AKIAABCDEFGHIJKLMNOP?code=a`);
    expect(new URL(hidden).href).toBe(hidden);
  });
});
