import { createHmac, createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { type JWTHeaderParameters, SignJWT } from 'jose';
import { secondTenant } from '../../infra/local/defaults.ts';
import {
  issuerOf,
  type MintRequest,
  mintRequestSchema,
  tokenClaims,
} from '../../infra/local/issuer/claims.ts';
import { loadSigningKey, type SigningKey } from '../../infra/local/issuer/signingKey.ts';

/** The issuer's own key, with which a test signs what the issuer never would. */
export interface TokenSource {
  readonly key: SigningKey;
  readonly origin: string;
}

/** Of a running topology: the issuer keeps its key in the data folder. */
export async function tokenSource(dataDir: string, origin: string): Promise<TokenSource> {
  return { key: await loadSigningKey(join(dataDir, 'issuerKey.json')), origin };
}

interface Overrides {
  readonly request?: MintRequest;
  /** A claim that is `undefined` is left out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Partial<JWTHeaderParameters>;
  readonly now?: Date;
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

function parts(
  { key, origin }: TokenSource,
  { request = {}, claims = {}, header = {}, now = new Date() }: Overrides,
) {
  const made = tokenClaims(mintRequestSchema.parse({ role: 'Admin', ...request }), {
    origin,
    now,
    tokenId: 'test',
  });
  return {
    payload: { ...made, ...claims },
    header: { typ: 'JWT', alg: 'RS256', kid: key.kid, ...header },
  };
}

/** A token as the issuer makes it for an Admin, save for what is overridden. */
export function forge(source: TokenSource, overrides: Overrides = {}): Promise<string> {
  const { payload, header } = parts(source, overrides);
  return new SignJWT(payload).setProtectedHeader(header).sign(source.key.privateKey);
}

function unsigned(source: TokenSource): string {
  const { payload, header } = parts(source, { header: { alg: 'none' } });
  return `${encode(header)}.${encode(payload)}.`;
}

/** The public key, which everyone knows, used as if it were a shared secret. */
function signedWithPublicKey(source: TokenSource): string {
  const { payload, header } = parts(source, { header: { alg: 'HS256' } });
  const input = `${encode(header)}.${encode(payload)}`;
  const publicKey = createPublicKey({ key: { ...source.key.publicJwk }, format: 'jwk' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
}

/** Another key under the name of the issuer's. */
async function signedWithOtherKey(source: TokenSource): Promise<string> {
  const other = await loadSigningKey();
  return forge({ ...source, key: { ...other, kid: source.key.kid } });
}

/** Changes a claim of a good token and keeps its signature. */
async function tampered(source: TokenSource): Promise<string> {
  const [header = '', , signature = ''] = (await forge(source)).split('.');
  const { payload } = parts(source, { claims: { oid: '00000000-0000-4000-8000-000000000000' } });
  return `${header}.${encode(payload)}.${signature}`;
}

const unknownTenant = 'd3b07384-d9a0-4c9b-8a55-6f1e2d3c4b5a';
const hour = 3_600_000;
const ago = (ms: number): Date => new Date(Date.now() - ms);

export interface BadToken {
  readonly name: string;
  readonly make: (source: TokenSource) => Promise<string> | string;
}

const wrong = (name: string, overrides: Overrides): BadToken => ({
  name,
  make: (source) => forge(source, overrides),
});

/** Tokens that nobody may get in with: answered with 401. */
export const badTokens: readonly BadToken[] = [
  wrong('expired', { now: ago(2 * hour) }),
  wrong('not yet valid', { now: ago(-hour) }),
  wrong('without exp', { claims: { exp: undefined } }),
  wrong('without nbf', { claims: { nbf: undefined } }),
  wrong('without iat', { claims: { iat: undefined } }),
  wrong('wrong audience', { claims: { aud: '0f8fad5b-d9cb-469f-a165-70867728950e' } }),
  wrong('audience that is a URI', { claims: { aud: 'api://mcp-registry-gateway' } }),
  wrong('tenant that may not sign in', { request: { tenant: unknownTenant } }),
  wrong('without tenant', { claims: { tid: undefined } }),
  wrong('without user', { claims: { oid: undefined } }),
  wrong('of version 1', { claims: { ver: '1.0' } }),
  wrong('key that nobody knows', { header: { kid: 'unknown' } }),
  wrong('not a JWT by its type', { header: { typ: 'dpop+jwt' } }),
  {
    name: 'audience that is a list with ours in it',
    make: (source) =>
      forge(source, { claims: { aud: [String(parts(source, {}).payload.aud), 'another-api'] } }),
  },
  {
    name: 'issuer of another tenant',
    make: (source) => forge(source, { claims: { iss: issuerOf(source.origin, secondTenant) } }),
  },
  { name: 'issuer elsewhere', make: (source) => forge({ ...source, origin: 'https://login.example' }) },
  { name: 'unsigned (alg none)', make: unsigned },
  { name: 'HS256 with the public key', make: signedWithPublicKey },
  { name: 'signed with another key', make: signedWithOtherKey },
  { name: 'changed after signing', make: tampered },
];

/** Good tokens of callers who may do nothing: answered with 403. */
export const powerlessTokens: readonly BadToken[] = [
  wrong('user without the scope', { claims: { scp: 'User.Read' } }),
  wrong('user without a role', { claims: { roles: undefined } }),
  wrong('app without a role', { request: { kind: 'app' }, claims: { roles: undefined } }),
  wrong('neither user nor app', { claims: { scp: undefined } }),
];
