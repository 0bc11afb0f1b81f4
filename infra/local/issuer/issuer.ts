import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { DomainError } from '../../../shared/platform/base/errors.ts';
import { fail, invalidBySchema, type Result, succeed } from '../../../shared/platform/base/result.ts';
import { toProblem } from '../../../shared/platform/http/problem.ts';
import { localOrigin, portsFor } from '../defaults.ts';
import { administer } from './administer.ts';
import { type MintRequest, mintRequestSchema, type ParsedMintRequest, tokenClaims } from './claims.ts';
import type { People } from './directory.ts';
import { createEntra, type Entra } from './entra.ts';
import { type AppOrigins, localDirectory } from './localDirectory.ts';
import { json, type Reply } from './reply.ts';
import { loadSigningKey, sign, type SigningKey } from './signingKey.ts';

export interface Issuer {
  readonly port: number;
  readonly origin: string;
  /** Returns an access token for the user or app of the request. */
  mint(request: MintRequest): Promise<string>;
  stop(): Promise<void>;
}

interface Served {
  readonly origin: string;
  readonly key: SigningKey;
  readonly entra: Entra;
}

/**
 * Starts a token issuer in the shape of Entra on the loopback address. `port` 0 takes a free one.
 * With `keyFile` its tokens stay valid after a restart. `apps` are the origins of the redirect URIs that are registered: by default
 * those of the ports without an offset.
 */
export async function startIssuer(options: {
  readonly port: number;
  readonly keyFile?: string;
  readonly apps?: AppOrigins;
}): Promise<Issuer> {
  const key = await loadSigningKey(options.keyFile);
  const ports = portsFor(0);
  const apps = options.apps ?? { mcp: localOrigin(ports.mcp), management: localOrigin(ports.management) };
  const server = createServer((request, response) => {
    answer(request, issuer)
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
  const origin = localOrigin(port);
  const issuer: Served = {
    origin,
    key,
    entra: createEntra({ origin, key, directory: localDirectory(apps) }),
  };
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

const failure = (error: DomainError, headers: Record<string, string> = {}): Reply => {
  const problem = toProblem(error);
  return {
    status: problem.status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
    body: JSON.stringify(problem),
  };
};

async function answer(request: IncomingMessage, issuer: Served): Promise<Reply> {
  const { origin, entra } = issuer;
  // Protects against DNS rebinding: a page whose host name resolves to this address must not get tokens.
  if (`http://${request.headers.host ?? ''}` !== origin) {
    return failure({ kind: 'forbidden', message: `Ask at ${origin}.` });
  }
  const { pathname: path, searchParams: query } = new URL(request.url ?? '/', origin);
  const [, oid, act] = /^\/people\/([\w-]+)\/(\w+)$/.exec(path) ?? [];
  const served = path === '/mint' || oid !== undefined ? 'POST' : entra.methodOf(path);
  if (served === undefined) return failure({ kind: 'not_found', message: 'Nothing is here.' });
  if (request.method !== served) {
    return failure({ kind: 'method_not_allowed', message: `Use ${served}.` }, { Allow: served });
  }
  if (path === '/mint') return answerMint(request, issuer);
  if (oid !== undefined) return answerAdministration(request, oid, act ?? '', entra.people);
  const form = served === 'POST' ? await readForm(request) : succeed(new URLSearchParams());
  if (!form.ok) return failure(form.error);
  return entra.answer({ method: served, path, query, form: form.value });
}

async function answerAdministration(
  request: IncomingMessage,
  oid: string,
  act: string,
  people: People,
): Promise<Reply> {
  const body = await readJson(request);
  if (!body.ok) return failure(body.error);
  const person = administer(people, oid, act, body.value);
  return person.ok ? json(person.value) : failure(person.error);
}

async function answerMint(request: IncomingMessage, { origin, key }: Served): Promise<Reply> {
  const body = await readJson(request);
  if (!body.ok) return failure(body.error);
  const parsed = mintRequestSchema.safeParse(body.value);
  if (!parsed.success) return failure(invalidBySchema(parsed.error, 'the request for a token').error);
  const token = await mint(parsed.data, origin, key);
  return json({ access_token: token, expires_in: parsed.data.expiresInSeconds });
}

/** A page of another origin can send such a form too, but it has neither a secret nor a request that is sealed. */
async function readForm(request: IncomingMessage): Promise<Result<URLSearchParams>> {
  if (!(Number(request.headers['content-length']) <= MAX_BODY_BYTES))
    return fail({ kind: 'too_large', message: `Send a Content-Length of at most ${MAX_BODY_BYTES}.` });
  return succeed(new URLSearchParams(await text(request)));
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
  response.writeHead(status, headers).end(body);
}
