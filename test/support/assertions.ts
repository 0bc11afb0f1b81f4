import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

/** An issuer of signed assertions: a client with a key, or an identity provider. */
export interface AssertionIssuer {
  readonly jwks: { readonly keys: readonly JWK[] };
  sign(claims: JWTPayload, header?: { readonly typ?: string; readonly kid?: string }): Promise<string>;
}

export async function assertionIssuer(alg = 'ES256', kid = 'one'): Promise<AssertionIssuer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const key = { ...(await exportJWK(publicKey)), kid, alg };
  return {
    jwks: { keys: [key] },
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(privateKey),
  };
}

/** A JWT without a signature, or with one that is of no key. */
export const unsigned = (header: object, claims: object, signature = ''): string =>
  `${[header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.${signature}`;
