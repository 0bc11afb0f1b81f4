import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { isSignedBy } from '../../../shared/identity/tokens/signingKeys.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';

test('a key that is too short for RS256 is a fault of the issuer and no verdict on the token', async () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const header = Buffer.from('{"alg":"RS256"}').toString('base64url');
  const key = publicKey.export({ format: 'jwk' });
  await expect(isSignedBy(`${header}.e30.AAAA`, key, 'RS256')).rejects.toThrow(InfrastructureError);
});
