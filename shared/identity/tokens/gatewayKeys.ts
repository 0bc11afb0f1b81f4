import { createECDH, createPrivateKey, hash, hkdfSync, type KeyObject } from 'node:crypto';
import type { PublishedKey } from './signingKeys.ts';

/** A key pair with which the gateway signs access tokens of its own. */
export interface GatewayKey {
  readonly privateKey: KeyObject;
  /** As the key set of the gateway publishes it. Its `kid` is the thumbprint of the key (RFC 7638). */
  readonly published: PublishedKey & { readonly kid: string };
}

/** The order of the base point of P-256 (SP 800-186, section 3.2.1.3). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const COORDINATE_BYTES = 32;
/** 128 bits more than the order has, so that the remainder is as good as evenly distributed. */
const SEED_BYTES = 48;

/**
 * Derives a key pair from each of `MREG_SEALING_KEYS`, always the same one. The first signs and all of them verify, so that the
 * keys rotate together with the sealing keys, and both apps verify tokens without a request.
 */
export const deriveGatewayKeys = (issuer: string, sealingKeys: readonly string[]): readonly GatewayKey[] =>
  sealingKeys.map((secret) => deriveKey(issuer, secret));

/** FIPS 186-5, appendix A.2.1, with the bits of HKDF (RFC 5869) for random ones. */
function deriveKey(issuer: string, secret: string): GatewayKey {
  const seed = hkdfSync('sha256', secret, '', 'mcp-registry-gateway access token key', SEED_BYTES);
  const scalar = (BigInt(`0x${Buffer.from(seed).toString('hex')}`) % (ORDER - 1n)) + 1n;
  const d = Buffer.from(scalar.toString(16).padStart(2 * COORDINATE_BYTES, '0'), 'hex');
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(d);
  // An uncompressed point: one byte for its form, then both coordinates (SEC 1, section 2.3.3).
  const point = curve.getPublicKey();
  const x = point.subarray(1, 1 + COORDINATE_BYTES).toString('base64url');
  const y = point.subarray(1 + COORDINATE_BYTES).toString('base64url');
  // The members of a thumbprint in their order (RFC 7638, section 3.2).
  const jwk = { crv: 'P-256', kty: 'EC', x, y };
  const kid = hash('sha256', JSON.stringify(jwk), 'base64url');
  return {
    privateKey: createPrivateKey({ key: { ...jwk, d: d.toString('base64url') }, format: 'jwk' }),
    published: { ...jwk, kid, use: 'sig', alg: 'ES256', issuer },
  };
}
