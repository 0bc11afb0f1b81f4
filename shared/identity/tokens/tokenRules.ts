import { decodeJwt, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose';
import * as z from 'zod';
import { CLOCK_TOLERANCE_MS } from '../../platform/base/clock.ts';
import { type Actor, type Role, roles } from '../access/actor.ts';
import { MAX_SHOWN_LENGTH } from '../limits.ts';
import { bearerToken } from './bearerToken.ts';
import { type Refusal, REQUIRED_SCOPE } from './refusals.ts';
import { issuerOf, keyIsOfIssuer, type PublishedKey, TOKEN_ALGORITHM } from './signingKeys.ts';

/** Seconds by which the clocks of the issuer and of the app may differ. */
export const CLOCK_TOLERANCE_SECONDS = CLOCK_TOLERANCE_MS / 1_000;

/** The settings that tokens are checked against. */
export interface TokenSettings {
  /** Origin of the issuer: Entra's, or the local one. */
  readonly authority: string;
  /** The only audience, a client id: Entra's v2 tokens name no URL. */
  readonly audience: string;
  readonly tenants: ReadonlySet<string>;
}

/** Everything that the rules read of one token. Until the rule `signature` has passed, all of it may be forged. */
export interface TokenFacts {
  /** `undefined` if the text is no signed JWT. */
  readonly token: string | undefined;
  readonly header: ProtectedHeaderParameters;
  readonly claims: JWTPayload;
  /** The claim `tid`; empty if it is no string. */
  readonly tenant: string;
  /** The issuer of that tenant. */
  readonly issuer: string;
  readonly settings: TokenSettings;
  /** The current time in seconds since the epoch. */
  readonly now: number;
  /** The key that the header names, of those that the issuer publishes; `unknown` if these cannot be fetched. */
  key(): Promise<PublishedKey | 'unknown' | undefined>;
  /** Whether the signature is by that key; `undefined` if there is no such key. */
  isSigned(): Promise<boolean | undefined>;
}

type Answer<T> = T | Promise<T>;

/** One requirement for access tokens. */
interface RuleDefinition {
  /** How the log and the caller's answer name a token that breaks the rule. */
  readonly refusal: Refusal;
  /** Returns whether the token keeps the rule; `undefined` if the rule cannot be applied. */
  readonly passed: (facts: TokenFacts) => Answer<boolean | undefined>;
  /** What the rule requires, in words. */
  readonly wanted: (facts: TokenFacts) => string;
  /** What the token has instead, in names, ids and times. */
  readonly saw: (facts: TokenFacts) => Answer<string>;
  /** What the owner of the token or an operator does about a token that breaks the rule. */
  readonly remedy: string;
}

const NEW_TOKEN = 'Get a new token from the issuer of the settings.';

/**
 * The rules for Entra v2 access tokens, of users (scope and role) and of apps (role), in the order in which they are applied.
 * The first that a token does not keep decides. Source: "Access tokens in the Microsoft identity platform", RFC 8725.
 */
const definitions = {
  form: {
    refusal: 'malformed',
    passed: ({ token }) => token !== undefined,
    wanted: () => 'a signed JWT in three parts, of 16 KiB at most',
    saw: ({ token }) => (token === undefined ? 'something else' : 'that'),
    remedy: NEW_TOKEN,
  },
  tenant: {
    refusal: 'unknown_tenant',
    // Checked before any key is fetched, so that strangers cannot cause requests.
    passed: ({ tenant, settings }) => settings.tenants.has(tenant),
    wanted: () => 'a tenant of the settings',
    saw: ({ claims }) => shown(claims['tid']),
    remedy: 'Add the tenant to MREG_TENANTS of both apps, if it may sign in.',
  },
  algorithm: {
    refusal: 'bad_signature',
    passed: ({ header }) => header.alg === TOKEN_ALGORITHM,
    wanted: () => TOKEN_ALGORITHM,
    saw: ({ header }) => shown(header.alg),
    remedy: NEW_TOKEN,
  },
  key: {
    refusal: 'bad_signature',
    passed: async (facts) => {
      if (typeof facts.header.kid !== 'string') return false;
      const key = await facts.key();
      return key === 'unknown' ? undefined : key !== undefined;
    },
    wanted: () => 'a key that the issuer publishes',
    saw: ({ header }) => shown(header.kid),
    remedy: 'Sign in again: the issuer has changed its keys, and signs new tokens with the new one.',
  },
  signature: {
    refusal: 'bad_signature',
    passed: (facts) => facts.isSigned(),
    wanted: () => 'a signature by that key',
    saw: async (facts) => {
      const isSigned = await facts.isSigned();
      return isSigned === undefined ? 'no key to check it with' : isSigned ? 'that' : 'another';
    },
    remedy: 'Treat the token as forged: nobody who has the key made it. Find out where it came from.',
  },
  type: {
    refusal: 'wrong_claims',
    passed: ({ header: { typ } }) => typeof typ === 'string' && /^(application\/)?jwt$/i.test(typ),
    wanted: () => 'JWT',
    saw: ({ header }) => shown(header.typ),
    remedy: NEW_TOKEN,
  },
  claims: {
    refusal: 'wrong_claims',
    passed: ({ claims }) => claimsSchema.safeParse(claims).success,
    wanted: () => 'iss, tid, oid, ver, iat, nbf and exp as Entra writes them',
    saw: ({ claims }) => {
      const { error } = claimsSchema.safeParse(claims);
      const wrong = new Set(error?.issues.map(({ path }) => String(path[0])));
      return wrong.size === 0 ? 'all of them' : `missing or of another shape: ${[...wrong].join(', ')}`;
    },
    remedy: NEW_TOKEN,
  },
  issuer: {
    refusal: 'wrong_claims',
    passed: ({ claims, issuer }) => claims.iss === issuer,
    wanted: ({ issuer }) => issuer,
    saw: ({ claims }) => shown(claims.iss),
    remedy: 'Get the token from the issuer of the settings; both apps must have the same issuer.',
  },
  audience: {
    refusal: 'wrong_audience',
    passed: ({ claims, settings }) => claims.aud === settings.audience,
    wanted: ({ settings }) => settings.audience,
    saw: ({ claims }) => shown(claims.aud),
    remedy:
      'Get a token for the client id of this gateway, or set MREG_API_CLIENT_ID of both apps to the client id of the app registration.',
  },
  not_before: {
    refusal: 'not_yet_valid',
    passed: ({ claims: { nbf }, now }) =>
      typeof nbf === 'number' ? nbf <= now + CLOCK_TOLERANCE_SECONDS : undefined,
    wanted: ({ now }) => `a time up to ${isoTime(now)}`,
    saw: ({ claims }) => isoTime(claims.nbf),
    remedy: 'Set the clock of the machine: the token is not valid yet.',
  },
  expiry: {
    refusal: 'expired',
    passed: ({ claims: { exp }, now }) =>
      typeof exp === 'number' ? exp > now - CLOCK_TOLERANCE_SECONDS : undefined,
    wanted: ({ now }) => `a time after ${isoTime(now)}`,
    saw: ({ claims }) => isoTime(claims.exp),
    remedy: 'Sign in again: the token has expired.',
  },
  key_issuer: {
    refusal: 'bad_signature',
    passed: async (facts) => {
      const key = await facts.key();
      return typeof key === 'object' ? keyIsOfIssuer(key, facts.tenant, facts.issuer) : undefined;
    },
    wanted: () => 'a key for tokens of this issuer',
    saw: async (facts) => {
      const key = await facts.key();
      return shown(typeof key === 'object' ? key.issuer : undefined);
    },
    remedy: NEW_TOKEN,
  },
  version: {
    refusal: 'wrong_claims',
    passed: ({ claims }) => claims['ver'] === '2.0',
    wanted: () => '2.0',
    saw: ({ claims }) => shown(claims['ver']),
    remedy: 'Set requestedAccessTokenVersion to 2 in the manifest of the app registration.',
  },
  scope: {
    refusal: 'no_scope',
    passed: ({ claims: { scp, idtyp } }) =>
      scp === undefined
        ? idtyp === 'app'
        : typeof scp === 'string' && scp.split(' ').includes(REQUIRED_SCOPE),
    wanted: () => `the scope ${REQUIRED_SCOPE}, or the token of an app`,
    saw: ({ claims: { scp, idtyp } }) =>
      scp === undefined ? (idtyp === 'app' ? 'an app' : 'neither') : shown(scp),
    remedy: `Expose the scope ${REQUIRED_SCOPE} in the app registration, and let the client ask for it.`,
  },
  role: {
    refusal: 'no_role',
    passed: ({ claims }) => grantedRoles(rolesOf(claims)).length > 0,
    wanted: () => 'a role of this gateway',
    saw: ({ claims }) => shown(rolesOf(claims).join(', ') || 'no role'),
    remedy: 'Let an administrator of the tenant assign an app role of this gateway to the user or the app.',
  },
} as const satisfies Record<string, RuleDefinition>;

export type TokenRuleId = keyof typeof definitions;
export interface TokenRule extends RuleDefinition {
  readonly id: TokenRuleId;
}

export const tokenRuleIds = Object.keys(definitions) as readonly TokenRuleId[];
export const tokenRule = (id: TokenRuleId): TokenRule => ({ id, ...definitions[id] });
export const tokenRules: readonly TokenRule[] = tokenRuleIds.map(tokenRule);

/** The shape of the claims that the rules and the actor are read from. Their values are checked by rules of their own. */
const claimsSchema = z.object({
  iss: z.string(),
  aud: z.string().optional(),
  tid: z.guid(),
  oid: z.guid(),
  ver: z.string(),
  iat: z.number(),
  nbf: z.number(),
  exp: z.number(),
  azp: z.string().optional(),
  idtyp: z.string().optional(),
  scp: z.string().optional(),
  // Entra writes them as the tenant's settings say. No other form of them is a reason to refuse a token.
  name: z.string().min(1).optional().catch(undefined),
  preferred_username: z.string().min(1).optional().catch(undefined),
  roles: z.array(z.string()).default([]),
});

/** Returns who signed in with a token that keeps every rule. */
export function actorOfClaims(claims: JWTPayload): Actor {
  const { tid, oid, azp = '', scp, exp, roles: claimed, ...told } = claimsSchema.parse(claims);
  const name = told.name ?? told.preferred_username;
  return {
    tenantId: tid,
    userId: oid,
    ...(name !== undefined && { name: name.slice(0, MAX_SHOWN_LENGTH).toWellFormed() }),
    kind: scp === undefined ? 'app' : 'user',
    clientId: azp,
    roles: grantedRoles(claimed),
    expiresAt: exp * 1_000,
  };
}

/** Reads a token without verifying it. `keys` finds the signing key and checks the signature with it. */
export function readToken(
  text: string,
  settings: TokenSettings,
  now: Date,
  keys: (
    header: ProtectedHeaderParameters,
    token: string,
    tenant: string,
  ) => Pick<TokenFacts, 'key' | 'isSigned'>,
): TokenFacts {
  const { token, header, claims } = decode(text);
  const tenant = typeof claims['tid'] === 'string' ? claims['tid'] : '';
  const issuer = issuerOf(settings.authority, tenant);
  const seconds = Math.floor(now.getTime() / 1_000);
  return { token, header, claims, tenant, issuer, settings, now: seconds, ...keys(header, text, tenant) };
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

const rolesOf = (claims: JWTPayload): readonly string[] =>
  claimsSchema.shape.roles.safeParse(claims['roles']).data ?? [];

/** The roles of this gateway among those of a token. */
const grantedRoles = (claimed: readonly string[]): readonly Role[] =>
  roles.filter((role) => claimed.includes(`Gateway.${role}`));

/** A name or an id of the token in a form that is safe to show; the kind of any other value. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value !== 'string') return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
  return value.slice(0, MAX_SHOWN_LENGTH).replace(/[^\x20-\x7e]/g, '\ufffd');
}

function isoTime(seconds: unknown): string {
  const date = new Date(typeof seconds === 'number' ? seconds * 1_000 : Number.NaN);
  return Number.isNaN(date.getTime()) ? shown(seconds) : date.toISOString();
}
