import { createPublicKey, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import type { Role } from '../../identity/access/actor.ts';
import { type Refusal, REQUIRED_SCOPE } from '../../identity/tokens/refusals.ts';
import { issuerOf } from '../../identity/tokens/signingKeys.ts';
import type { TokenKind } from '../../identity/tokens/tokenClaims.ts';
import { tokenForms, type TokenSettings } from '../../identity/tokens/tokenFacts.ts';
import { CLOCK_TOLERANCE_SECONDS } from '../../identity/tokens/tokenRules.ts';

/** A key that this check made: no issuer has published it. */
export interface ForgersKey {
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  readonly jwk: JWK;
}

/** Makes a key as the issuer of such tokens has it. */
export async function makeForgersKey(kind: TokenKind): Promise<ForgersKey> {
  const { privateKey, publicKey } = await generateKeyPair(tokenForms[kind].algorithm);
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: `forged-${randomUUID()}`, use: 'sig' } };
}

/** A token that must be rejected, and the reason, for a verifier that knows the key of its signature. */
export interface Forgery {
  readonly kind: string;
  readonly token: string;
  readonly refusal: Refusal;
}

export interface Forged {
  /** A valid token but for its signer. */
  readonly flawless: string;
  readonly forgeries: readonly Forgery[];
}

export interface Forging {
  /** Whose tokens are forged. */
  readonly kind: TokenKind;
  readonly rules: TokenSettings;
  /** The endpoint that tokens of the gateway are forged for. */
  readonly resource: string;
  /** A tenant of the settings. */
  readonly tenant: string;
  readonly now: Date;
  /** Signs all tokens but those of another key. */
  readonly signer: ForgersKey;
  readonly stranger: ForgersKey;
  /** The key that the verifier knows and the tokens name: the key of the signer, or one that the issuer publishes. */
  readonly named: JWK;
}

/** Makes a token for a made-up administrator, valid for an hour, and one for each kind of fault. */
export async function forgeTokens(forging: Forging): Promise<Forged> {
  const { kind: issuedBy, rules, resource, tenant, now, signer, stranger, named } = forging;
  const { algorithm: alg, type: typ, version } = tokenForms[issuedBy];
  const isOfGateway = issuedBy === 'gateway';
  const seconds = Math.floor(now.getTime() / 1_000);
  const long = 10 * CLOCK_TOLERANCE_SECONDS;
  const role: `Gateway.${Role}` = 'Gateway.Admin';
  const claims: JWTPayload = {
    ...(version !== undefined && { ver: version }),
    ...(isOfGateway
      ? { iss: rules.gateway?.issuer ?? '', aud: resource, client_id: randomUUID(), gid: randomUUID() }
      : { iss: issuerOf(rules.authority, tenant), aud: rules.audience }),
    tid: tenant,
    oid: randomUUID(),
    azp: randomUUID(),
    scp: REQUIRED_SCOPE,
    roles: [role],
    iat: seconds - long,
    nbf: seconds - long,
    exp: seconds + 3_600,
  };
  const elsewhere = randomUUID();
  const header = { alg, typ, ...(named.kid !== undefined && { kid: named.kid }) };
  const sign = (wrong: Readonly<Record<string, unknown>>, { privateKey } = signer): Promise<string> =>
    new SignJWT({ ...claims, ...wrong }).setProtectedHeader(header).sign(privateKey);
  const forgery = async (
    kind: string,
    refusal: Refusal,
    token: string | Promise<string>,
  ): Promise<Forgery> => ({
    kind: isOfGateway ? `of the gateway itself, ${kind}` : kind,
    refusal,
    token: await token,
  });
  const flawless = await sign({});
  return {
    flawless,
    forgeries: await Promise.all([
      forgery('unsigned', 'malformed', new UnsecuredJWT(claims).encode()),
      forgery('unsigned, with something for a signature', 'bad_signature', unsigned(flawless)),
      forgery('signed with another key', 'bad_signature', sign({}, stranger)),
      forgery('HS256 with the public key for a secret', 'bad_signature', confused(claims, typ, named)),
      forgery('changed after it was signed', 'bad_signature', changed(flawless, claims)),
      forgery('for another audience', 'wrong_audience', sign({ aud: elsewhere })),
      // A token that names Entra is checked with the keys of Entra.
      forgery(
        'of another issuer',
        isOfGateway ? 'bad_signature' : 'wrong_claims',
        sign({ iss: issuerOf(rules.authority, elsewhere) }),
      ),
      forgery(
        'of a tenant that may not sign in',
        'unknown_tenant',
        sign({ tid: elsewhere, ...(!isOfGateway && { iss: issuerOf(rules.authority, elsewhere) }) }),
      ),
      forgery('expired', 'expired', sign({ exp: seconds - long })),
      forgery('not yet valid', 'not_yet_valid', sign({ nbf: seconds + long })),
      forgery('without an end', 'wrong_claims', sign({ exp: undefined })),
      forgery('without the scope', 'no_scope', sign({ scp: 'profile' })),
      forgery('without a role', 'no_role', sign({ roles: ['Admin'] })),
    ]),
  };
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

function unsigned(token: string): string {
  const [, payload = '', signature = ''] = token.split('.');
  return `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.${signature}`;
}

/** Signs with the public key as if it were a shared secret (RFC 8725, section 2.1). */
function confused(claims: JWTPayload, typ: string, named: JWK): Promise<string> {
  const { kid } = named;
  const pem = createPublicKey({ key: { ...named }, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ, ...(kid !== undefined && { kid }) })
    .sign(Buffer.from(pem));
}

function changed(token: string, claims: JWTPayload): string {
  const [header = '', , signature = ''] = token.split('.');
  return `${header}.${encode({ ...claims, oid: randomUUID() })}.${signature}`;
}
