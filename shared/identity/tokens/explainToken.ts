import {
  type JWK,
  type JWTPayload,
  type ProtectedHeaderParameters,
  compactVerify,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
} from 'jose';
import { z } from 'zod';
import { bearerToken } from './bearerToken.ts';
import {
  CLOCK_TOLERANCE_SECONDS,
  REQUIRED_SCOPE,
  type TokenRules,
  claimsSchema,
  grantedRoles,
  issuerOf,
  keyIsOfIssuer,
} from './verifyToken.ts';

/** The rules that `createTokenVerifier` applies, in its order. */
export const tokenRuleNames = [
  'form',
  'tenant',
  'algorithm',
  'key',
  'signature',
  'type',
  'claims',
  'issuer',
  'audience',
  'not_before',
  'expiry',
  'key_issuer',
  'version',
  'scope',
  'role',
] as const;
export type TokenRule = (typeof tokenRuleNames)[number];

/** What one rule makes of a token, in names, ids and times. `passed` is absent where it could not be applied. */
export interface RuleStep {
  readonly rule: TokenRule;
  readonly passed?: boolean;
  readonly saw: string;
  readonly wanted: string;
}

/** A key of a key set, with the template of whose tokens it signs. */
export type PublishedKey = JWK & { readonly issuer?: unknown };

const shapeSchema = claimsSchema
  .omit({ aud: true, ver: true })
  .extend({ iat: z.number(), nbf: z.number(), ver: z.string() });

/**
 * Applies each rule to a token by itself, also those after the one that decides, which is the first that did not pass. It
 * explains and lets nobody in. `keys`: those that the issuer publishes now for the tenant of the token; undefined where they
 * could not be had.
 */
export async function explainToken(
  token: string,
  rules: TokenRules,
  keys: readonly PublishedKey[] | undefined,
  now: Date,
): Promise<readonly RuleStep[]> {
  const decoded = decode(token);
  const form = { rule: 'form', wanted: 'a signed JWT in three parts, of 16 KiB at most' } as const;
  if (!decoded) return [{ ...form, passed: false, saw: 'something else' }];
  const { header, claims } = decoded;
  const tenant = typeof claims['tid'] === 'string' ? claims['tid'] : '';
  const issuer = issuerOf(rules.authority, tenant);
  const key = keys?.find(({ kid }) => kid !== undefined && kid === header.kid);
  return [
    { ...form, passed: true, saw: 'that' },
    step('tenant', rules.tenants.has(tenant), name(claims['tid']), 'a tenant of the settings'),
    step('algorithm', header.alg === 'RS256', name(header.alg), 'RS256'),
    step('key', keys && key !== undefined, name(header.kid), 'a key that the issuer publishes'),
    await signatureStep(token, key),
    step('type', /^(application\/)?jwt$/i.test(header.typ ?? ''), name(header.typ), 'JWT'),
    shapeStep(claims),
    step('issuer', claims.iss === issuer, name(claims.iss), issuer),
    step('audience', claims.aud === rules.audience, name(claims.aud), rules.audience),
    notBeforeStep(claims, now),
    expiryStep(claims, now),
    step(
      'key_issuer',
      key && keyIsOfIssuer(key, tenant, issuer),
      name(key?.issuer),
      'a key for tokens of this issuer',
    ),
    step('version', claims['ver'] === '2.0', name(claims['ver']), '2.0'),
    scopeStep(claims),
    roleStep(claims),
  ];
}

/** The rule that decides; undefined for a token that all of them let pass, as far as they could be applied. */
export const decidingRule = (steps: readonly RuleStep[]): TokenRule | undefined =>
  steps.find(({ passed }) => passed === false)?.rule;

function decode(
  token: string,
): { readonly header: ProtectedHeaderParameters; readonly claims: JWTPayload } | undefined {
  if (bearerToken(`Bearer ${token}`) === undefined) return undefined;
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch {
    return undefined;
  }
}

const step = (rule: TokenRule, passed: boolean | undefined, saw: string, wanted: string): RuleStep => ({
  rule,
  ...(passed !== undefined && { passed }),
  saw,
  wanted,
});

const MAX_NAME_LENGTH = 200;

/** A name or an id of the token as it may be shown; anything else by its kind. */
function name(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value !== 'string') return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
  return value.slice(0, MAX_NAME_LENGTH).replace(/[^\x20-\x7e]/g, '\ufffd');
}

async function signatureStep(token: string, key: PublishedKey | undefined): Promise<RuleStep> {
  const wanted = 'a signature by that key';
  if (!key) return step('signature', undefined, 'no key to check it with', wanted);
  const held = await compactVerify(token, createLocalJWKSet({ keys: [key] }), { algorithms: ['RS256'] }).then(
    () => true,
    () => false,
  );
  return step('signature', held, held ? 'that' : 'another', wanted);
}

function shapeStep(claims: JWTPayload): RuleStep {
  const parsed = shapeSchema.safeParse(claims);
  const wrong = parsed.success ? [] : [...new Set(parsed.error.issues.map(({ path }) => String(path[0])))];
  const saw = wrong.length === 0 ? 'all of them' : `missing or of another shape: ${wrong.join(', ')}`;
  return step('claims', parsed.success, saw, 'iss, tid, oid, ver, iat, nbf and exp as Entra writes them');
}

const secondsOf = (now: Date): number => Math.floor(now.getTime() / 1_000);

function notBeforeStep({ nbf }: JWTPayload, now: Date): RuleStep {
  const passed = typeof nbf === 'number' ? nbf <= secondsOf(now) + CLOCK_TOLERANCE_SECONDS : undefined;
  return step('not_before', passed, moment(nbf), `a moment until ${now.toISOString()}`);
}

function expiryStep({ exp }: JWTPayload, now: Date): RuleStep {
  const passed = typeof exp === 'number' ? exp > secondsOf(now) - CLOCK_TOLERANCE_SECONDS : undefined;
  return step('expiry', passed, moment(exp), `a moment after ${now.toISOString()}`);
}

function moment(seconds: unknown): string {
  const date = new Date(typeof seconds === 'number' ? seconds * 1_000 : Number.NaN);
  return Number.isNaN(date.getTime()) ? name(seconds) : date.toISOString();
}

function scopeStep(claims: JWTPayload): RuleStep {
  const { scp, idtyp } = claims;
  const wanted = `the scope ${REQUIRED_SCOPE}, or the token of an app`;
  if (scp === undefined)
    return step('scope', idtyp === 'app', idtyp === 'app' ? 'an app' : 'neither', wanted);
  return step('scope', typeof scp === 'string' && scp.split(' ').includes(REQUIRED_SCOPE), name(scp), wanted);
}

function roleStep(claims: JWTPayload): RuleStep {
  const claimed = z.array(z.string()).safeParse(claims['roles'] ?? []).data ?? [];
  const saw = claimed.length === 0 ? 'no role' : name(claimed.join(', '));
  return step('role', grantedRoles(claimed).length > 0, saw, 'a role of this gateway');
}
