import { describe, expect, test } from 'vitest';
import { challenge, type Refusal, refusalError } from '../../../shared/identity/tokens/refusals.ts';

const settings = {
  scope: 'api://client/mcp.access',
  resourceMetadata: 'https://mcp.contoso.com/.well-known/oauth-protected-resource/mcp',
};
const head = `Bearer resource_metadata="${settings.resourceMetadata}"`;
const tail = `scope="${settings.scope}"`;
const invalid = (description: string) =>
  `${head}, error="invalid_token", error_description="${description}", ${tail}`;
const insufficient = (description: string) =>
  `${head}, error="insufficient_scope", error_description="${description}", ${tail}`;
const general = 'The access token is not valid for this gateway.';

const pinned: Record<Refusal, readonly [kind: string, header: string | undefined, why: string]> = {
  missing: ['unauthenticated', `${head}, ${tail}`, 'no error code without a token (RFC 6750, 3.1)'],
  repeated: [
    'bad_request',
    `${head}, error="invalid_request", error_description="Send one access token, in one Authorization header.", ${tail}`,
    '400: the request is wrong, not the token (RFC 6750, 3.1)',
  ],
  malformed: ['unauthenticated', invalid(general), 'as any bad token'],
  unknown_tenant: ['unauthenticated', invalid(general), 'must not tell which tenants there are'],
  bad_signature: ['unauthenticated', invalid(general), 'must not tell which keys there are'],
  wrong_claims: ['unauthenticated', invalid(general), 'as any bad token'],
  expired: ['unauthenticated', invalid('The access token has expired: get a new one.'), 'can be mended'],
  not_yet_valid: [
    'unauthenticated',
    invalid('The access token is not valid yet: check the clock of its issuer.'),
    'can be mended',
  ],
  wrong_audience: [
    'unauthenticated',
    invalid('The access token was issued for another application or another endpoint.'),
    'can be mended',
  ],
  no_scope: [
    'forbidden',
    insufficient('The access token lacks the scope mcp.access.'),
    '403 (RFC 6750, 3.1)',
  ],
  revoked: [
    'unauthenticated',
    invalid('An administrator of your tenant has revoked this access to the gateway.'),
    'a revoked token is an invalid one (RFC 6750, 3.1)',
  ],
  no_role: ['forbidden', undefined, 'another token would be the same: an administrator has to act'],
};

describe.each(Object.entries(pinned) as [Refusal, (typeof pinned)[Refusal]][])(
  'a token refused as %s',
  (refusal, [kind, header]) => {
    test('is challenged as pinned', () => {
      expect(challenge(refusal, settings)).toBe(header);
      expect(refusalError(refusal).kind).toBe(kind);
    });

    test('is challenged without metadata where no client discovers', () => {
      expect(challenge(refusal, { scope: settings.scope })).toBe(
        header?.replace(`resource_metadata="${settings.resourceMetadata}", `, ''),
      );
    });

    test('is challenged in the characters of RFC 6750, 3', () => {
      const text = challenge(refusal, settings) ?? '';
      for (const [, value = ''] of text.matchAll(/="([^"]*)"/g)) {
        expect(value).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
      }
      expect(text.split('"').length % 2).toBe(1);
    });
  },
);
