import { decodeJwt, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose';
import type { Config } from '../../platform/config/config.ts';
import { bearerToken } from './bearerToken.ts';
import { deriveGatewayKeys } from './gatewayKeys.ts';
import { isSignedBy, issuerOf, type PublishedKey, type TokenAlgorithm } from './signingKeys.ts';
import type { TokenKind } from './tokenClaims.ts';

/** The settings that tokens are checked against. */
export interface TokenSettings {
  /** Origin of the issuer: Entra's, or the local one. */
  readonly authority: string;
  /** The only audience of Entra's tokens, a client id: its v2 tokens name no URL. */
  readonly audience: string;
  readonly tenants: ReadonlySet<string>;
  /** The issuer of the gateway's own tokens, and the keys that verify them. Absent: the gateway issues none. */
  readonly gateway?: { readonly issuer: string; readonly keys: readonly PublishedKey[] };
}

/** Returns the settings of the tokens of an app. */
export function tokenSettingsOf(
  config: Pick<Config, 'apiClientId' | 'tenants' | 'signInClientId' | 'publicOrigin' | 'sealingKeys'>,
  authority: string,
): TokenSettings {
  const { apiClientId: audience, tenants, signInClientId, publicOrigin: issuer, sealingKeys } = config;
  const keys = () => deriveGatewayKeys(issuer, sealingKeys).map(({ published }) => published);
  return {
    authority,
    audience,
    tenants,
    ...(signInClientId !== undefined && { gateway: { issuer, keys: keys() } }),
  };
}

/** Where the tokens of the two issuers differ. The rules read it, so that each rule stands once. */
interface TokenForm {
  readonly algorithm: TokenAlgorithm;
  /** The header `typ`. */
  readonly type: string;
  /** The claim `ver`. */
  readonly version: string | undefined;
}
export const tokenForms: Readonly<Record<TokenKind, TokenForm>> = {
  entra: { algorithm: 'RS256', type: 'JWT', version: '2.0' },
  gateway: { algorithm: 'ES256', type: 'at+jwt', version: undefined },
};

/** Everything that the rules read of one token. Until the rule `signature` has passed, all of it may be forged. */
export interface TokenFacts {
  /** `undefined` if the text is no signed JWT. */
  readonly token: string | undefined;
  readonly header: ProtectedHeaderParameters;
  readonly claims: JWTPayload;
  /** By the claim `iss`. It decides which key must have signed the token. */
  readonly kind: TokenKind;
  readonly form: TokenForm;
  /** The claim `tid`; empty if it is no string. */
  readonly tenant: string;
  /** The issuer of that tenant's tokens of this kind. */
  readonly issuer: string;
  /** The audience that the token must have. */
  readonly audience: string;
  readonly settings: TokenSettings;
  /** The current time in seconds since the epoch. */
  readonly now: number;
  /** The key that the header names, of those that the issuer publishes; `unknown` if these cannot be fetched. */
  key(): Promise<PublishedKey | 'unknown' | undefined>;
  /** Whether the signature is by that key; `undefined` if there is no such key. */
  isSigned(): Promise<boolean | undefined>;
}

/** Finds the signing key of a token of Entra, and checks the signature with it. */
export type KeysOfEntra = (
  header: ProtectedHeaderParameters,
  token: string,
  tenant: string,
) => Pick<TokenFacts, 'key' | 'isSigned'>;

export interface Reading {
  readonly settings: TokenSettings;
  /** The URL of the endpoint that the token is used at. Tokens of the gateway's own are for one only. */
  readonly resource: string;
  readonly now: Date;
}

/** Reads a token without verifying it. */
export function readToken(text: string, { settings, resource, now }: Reading, keys: KeysOfEntra): TokenFacts {
  const decoded = decode(text);
  const { header, claims } = decoded;
  const tenant = typeof claims['tid'] === 'string' ? claims['tid'] : '';
  const shared = { ...decoded, tenant, settings, now: Math.floor(now.getTime() / 1_000) };
  const { gateway } = settings;
  if (gateway !== undefined && claims.iss === gateway.issuer)
    return {
      ...shared,
      kind: 'gateway',
      form: tokenForms.gateway,
      issuer: gateway.issuer,
      audience: resource,
      ...keyAmong(gateway.keys, header, text),
    };
  return {
    ...shared,
    kind: 'entra',
    form: tokenForms.entra,
    issuer: issuerOf(settings.authority, tenant),
    audience: settings.audience,
    ...keys(header, text, tenant),
  };
}

function keyAmong(
  keys: readonly PublishedKey[],
  { kid }: ProtectedHeaderParameters,
  token: string,
): Pick<TokenFacts, 'key' | 'isSigned'> {
  const key = keys.find((each) => each.kid === kid);
  return {
    key: () => Promise.resolve(key),
    isSigned: async () => key && isSignedBy(token, key, tokenForms.gateway.algorithm),
  };
}

function decode(text: string): Pick<TokenFacts, 'token' | 'header' | 'claims'> {
  const none = { token: undefined, header: {}, claims: {} };
  if (bearerToken(`Bearer ${text}`) === undefined) return none;
  try {
    const header = decodeProtectedHeader(text);
    // RFC 7797, section 7: a JWT never has an unencoded payload.
    return header['b64'] === false ? none : { token: text, header, claims: decodeJwt(text) };
  } catch {
    return none;
  }
}
