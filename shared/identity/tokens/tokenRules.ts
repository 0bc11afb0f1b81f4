import { CLOCK_TOLERANCE_MS } from '../../platform/base/clock.ts';
import { MAX_SHOWN_LENGTH } from '../limits.ts';
import { type Refusal, REQUIRED_SCOPE } from './refusals.ts';
import { keyIsOfIssuer } from './signingKeys.ts';
import { claimsOf, grantedRoles, rolesOf } from './tokenClaims.ts';
import type { TokenFacts } from './tokenFacts.ts';

/** Seconds by which the clocks of the issuer and of the app may differ. */
export const CLOCK_TOLERANCE_SECONDS = CLOCK_TOLERANCE_MS / 1_000;

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
 * The rules for access tokens, in the order in which they are applied: for Entra's v2 tokens of users (scope and role) and of
 * apps (role), and for the gateway's own tokens of users. The first that a token does not keep decides. Source: "Access tokens in
 * the Microsoft identity platform", RFC 8725, RFC 9068 (section 4).
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
    passed: ({ header, form }) => header.alg === form.algorithm,
    wanted: ({ form }) => form.algorithm,
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
    // The prefix may be left out (RFC 7515, section 4.1.9).
    passed: ({ header: { typ }, form }) =>
      typeof typ === 'string' && typ.toLowerCase().replace(/^application\//, '') === form.type.toLowerCase(),
    wanted: ({ form }) => form.type,
    saw: ({ header }) => shown(header.typ),
    remedy: NEW_TOKEN,
  },
  claims: {
    refusal: 'wrong_claims',
    passed: ({ claims, kind }) => claimsOf[kind].safeParse(claims).success,
    wanted: ({ kind }) =>
      kind === 'entra'
        ? 'iss, tid, oid, ver, iat, nbf and exp as Entra writes them'
        : 'iss, tid, oid, client_id, gid, scp, iat, nbf and exp as the gateway writes them',
    saw: ({ claims, kind }) => {
      const { error } = claimsOf[kind].safeParse(claims);
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
    passed: ({ claims, audience }) => claims.aud === audience,
    wanted: ({ audience }) => audience,
    saw: ({ claims }) => shown(claims.aud),
    remedy:
      'Get a token of Entra for the client id in MREG_API_CLIENT_ID, or one of the gateway for the URL of this endpoint (parameter resource).',
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
    passed: ({ claims, form }) => claims['ver'] === form.version,
    wanted: ({ form }) => form.version ?? 'nothing',
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
