import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { DomainError } from '../../../shared/platform/base/errors.ts';
import { fail, type Result, succeed } from '../../../shared/platform/base/result.ts';
import { toProblem } from '../../../shared/platform/http/problem.ts';
import { localOrigin } from '../defaults.ts';
import {
  issuerOf,
  type MintRequest,
  mintRequestSchema,
  type ParsedMintRequest,
  tokenClaims,
} from './claims.ts';
import { exchangeToken } from './exchange.ts';
import { loadSigningKey, sign, type SigningKey } from './signingKey.ts';

export interface Issuer {
  readonly port: number;
  readonly origin: string;
  /** Returns an access token for the user or app of the request. */
  mint(request: MintRequest): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts a token issuer in the shape of Entra on the loopback address. `port` 0 takes a free one.
 * With `keyFile` its tokens stay valid after a restart.
 */
export async function startIssuer(options: {
  readonly port: number;
  readonly keyFile?: string;
}): Promise<Issuer> {
  const key = await loadSigningKey(options.keyFile);
  let origin = '';
  const server = createServer((request, response) => {
    answer(request, origin, key)
      .catch((error: unknown) => {
        console.error(error);
        return failure({ kind: 'internal', message: 'The issuer failed; its log says why.' });
      })
      .then((reply) => {
        send(response, reply);
      })
      .catch(console.error);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  origin = localOrigin(port);
  return {
    port,
    origin,
    mint: (request) => mint(mintRequestSchema.parse(request), origin, key),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}
const json = (body: object, cacheControl: string): Reply => ({
  status: 200,
  headers: { 'Content-Type': 'application/json', 'Cache-Control': cacheControl },
  body,
});
const failure = (error: DomainError, headers: Record<string, string> = {}): Reply => {
  const problem = toProblem(error);
  return {
    status: problem.status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
    body: problem,
  };
};

async function answer(request: IncomingMessage, origin: string, key: SigningKey): Promise<Reply> {
  // Protects against DNS rebinding: a page whose host name resolves to this address must not get tokens.
  if (`http://${request.headers.host ?? ''}` !== origin) {
    return failure({ kind: 'forbidden', message: `Ask at ${origin}.` });
  }
  const path = new URL(request.url ?? '/', origin).pathname;
  const [, tenant, document] = /^\/([0-9a-f-]{36})\/(.+)$/i.exec(path) ?? [];
  const isExchange = document === tokenPath && isGuid(tenant);
  const served =
    path === '/mint' || isExchange ? 'POST' : isDocument(document) && isGuid(tenant) ? 'GET' : undefined;
  if (served === undefined) return failure({ kind: 'not_found', message: 'Nothing is here.' });
  if (request.method !== served) {
    return failure({ kind: 'method_not_allowed', message: `Use ${served}.` }, { Allow: served });
  }
  if (isExchange) return answerExchange(request, (tenant ?? '').toLowerCase(), origin, key);
  if (served === 'POST') return answerMint(request, origin, key);
  return json(
    document === keysPath ? keySet(origin, key) : discovery(origin, tenant ?? ''),
    'max-age=86400, private',
  );
}

const discoveryPath = 'v2.0/.well-known/openid-configuration';
const keysPath = 'discovery/v2.0/keys';
const tokenPath = 'oauth2/v2.0/token';
const isDocument = (path: string | undefined): boolean => path === discoveryPath || path === keysPath;
const isGuid = (value: string | undefined): boolean => z.guid().safeParse(value).success;

/** The discovery document has no authorization endpoint, because nobody signs in here. */
function discovery(origin: string, tenant: string): object {
  return {
    issuer: issuerOf(origin, tenant.toLowerCase()),
    token_endpoint: `${origin}/${tenant.toLowerCase()}/${tokenPath}`,
    jwks_uri: `${origin}/${tenant.toLowerCase()}/${keysPath}`,
    response_types_supported: ['code'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
}

/** Like Entra's keys, these have the template of their issuer and no `alg`. */
function keySet(origin: string, key: SigningKey): object {
  return { keys: [{ ...key.publicJwk, issuer: issuerOf(origin, '{tenantid}') }] };
}

async function answerMint(request: IncomingMessage, origin: string, key: SigningKey): Promise<Reply> {
  const body = await readJson(request);
  if (!body.ok) return failure(body.error);
  const parsed = mintRequestSchema.safeParse(body.value);
  if (!parsed.success) {
    const errors = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
    return failure({ kind: 'invalid', message: 'The request is not one for a token.', errors });
  }
  const token = await mint(parsed.data, origin, key);
  return json({ access_token: token, expires_in: parsed.data.expiresInSeconds }, 'no-store');
}

/** A page of another origin can send such a form too, but it has neither the secret nor a user's token. */
async function answerExchange(
  request: IncomingMessage,
  tenant: string,
  origin: string,
  key: SigningKey,
): Promise<Reply> {
  if (!(Number(request.headers['content-length']) <= MAX_BODY_BYTES))
    return failure({ kind: 'too_large', message: `Send a Content-Length of at most ${MAX_BODY_BYTES}.` });
  const answered = await exchangeToken(new URLSearchParams(await text(request)), tenant, origin, key);
  return { ...json(answered, 'no-store'), status: 'error' in answered ? 400 : 200 };
}

/** A page of another origin can send this media type only after a CORS preflight, which this server rejects. */
async function readJson(request: IncomingMessage): Promise<Result<unknown>> {
  if (!/^application\/json(;|$)/i.test(request.headers['content-type'] ?? '')) {
    return fail({ kind: 'unsupported_media_type', message: 'Send application/json.' });
  }
  if (!(Number(request.headers['content-length']) <= MAX_BODY_BYTES)) {
    return fail({ kind: 'too_large', message: `Send a Content-Length of at most ${MAX_BODY_BYTES}.` });
  }
  try {
    return succeed(JSON.parse(await text(request)));
  } catch {
    return fail({ kind: 'invalid', message: 'The body is not JSON.' });
  }
}
const MAX_BODY_BYTES = 16_384;

function mint(request: ParsedMintRequest, origin: string, key: SigningKey): Promise<string> {
  const tokenId = randomBytes(16).toString('base64url');
  return sign(key, tokenClaims(request, { origin, now: new Date(), tokenId }));
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, headers).end(JSON.stringify(body));
}
