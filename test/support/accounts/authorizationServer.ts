import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { serve } from '../serve.ts';

/*
 * A strict authorization server of an upstream server: it refuses what OAuth 2.1 lets it refuse. It asks no person: who opens its
 * authorization endpoint has agreed. Tests bend its answers by `rules`. A library such as `oidc-provider` would not send the wrong
 * answers that most tests are about.
 */

export interface AuthorizationRules {
  /** Fields of the metadata in the place of the usual ones; `undefined` removes one. */
  metadata: Readonly<Record<string, unknown>>;
  /** Where the metadata is. */
  metadataPath: string;
  /** The `iss` of an answer; `undefined` sends none. */
  iss: string | undefined;
  expiresIn: number;
  /** What the token endpoint answers in the place of tokens. */
  tokenAnswer: { readonly status: number; readonly body: unknown } | undefined;
  /** Sends no refresh token. */
  isShortLived: boolean;
}

interface Registered {
  readonly secret?: string;
  readonly method: string;
  readonly redirectUris: readonly string[];
}
interface Grant {
  readonly clientId: string;
  readonly scope: string;
  readonly resource: string | null;
  isEnded: boolean;
}
interface Code extends Grant {
  readonly redirectUri: string;
  readonly challenge: string;
}

export interface AuthorizationServerStandIn {
  readonly issuer: string;
  readonly rules: AuthorizationRules;
  readonly clients: Map<string, Registered>;
  /** Every request: the path, and the parameters of query or body with the `Authorization` header. */
  readonly requests: { readonly path: string; readonly params: Readonly<Record<string, string>> }[];
  /** Returns the scopes of an access token that is valid. */
  scopesOf(token: string): readonly string[] | undefined;
  /** Ends every access token, but no refresh token. */
  expireTokens(): void;
  close(): Promise<void>;
}

const random = () => randomBytes(24).toString('base64url');
const sha256 = (value: string) => createHash('sha256').update(value).digest('base64url');

/** Starts it. `issuerPath` makes an issuer with a path. */
export async function startAuthorizationServer(issuerPath = ''): Promise<AuthorizationServerStandIn> {
  const codes = new Map<string, Code>();
  const refreshTokens = new Map<string, { readonly grant: Grant; isUsed: boolean }>();
  const accessTokens = new Map<string, Grant>();
  const clients = new Map<string, Registered>();
  const requests: AuthorizationServerStandIn['requests'] = [];
  const served = await serve((request, response) => {
    void handle(request, response);
  });
  const origin = new URL(served.url).origin;
  const issuer = origin + issuerPath;
  const rules: AuthorizationRules = {
    metadata: {},
    metadataPath: `/.well-known/oauth-authorization-server${issuerPath}`,
    iss: issuer,
    expiresIn: 3_600,
    tokenAnswer: undefined,
    isShortLived: false,
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', origin);
    const body = await text(request);
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
    const params = new URLSearchParams(request.method === 'GET' ? url.search : isForm ? body : '');
    const authorization = request.headers.authorization;
    requests.push({
      path: url.pathname,
      params: { ...Object.fromEntries(params), ...(authorization !== undefined && { authorization }) },
    });
    const send = (status: number, content: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(content));
    };
    if (url.pathname === rules.metadataPath) {
      send(200, metadata());
      return;
    }
    switch (`${request.method ?? ''} ${url.pathname}`) {
      case 'POST /register': {
        register(JSON.parse(body) as Record<string, unknown>, send);
        return;
      }
      case 'GET /authorize':
        return authorize(params, response, send);
      case 'POST /token':
        return token(params, authorization, send);
      case 'POST /revoke': {
        revoke(params, send);
        return;
      }
      default: {
        send(404, {});
        return;
      }
    }
  }

  function metadata(): Readonly<Record<string, unknown>> {
    return {
      issuer,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`,
      revocation_endpoint: `${origin}/revoke`,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['client_secret_basic'],
      scopes_supported: ['tools', 'admin', 'offline_access'],
      authorization_response_iss_parameter_supported: true,
      ...rules.metadata,
    };
  }

  type Send = (status: number, content: unknown) => void;

  function register(wanted: Record<string, unknown>, send: Send): void {
    const redirectUris = wanted['redirect_uris'];
    const method = wanted['token_endpoint_auth_method'];
    if (
      !Array.isArray(redirectUris) ||
      typeof method !== 'string' ||
      typeof wanted['application_type'] !== 'string'
    ) {
      send(400, { error: 'invalid_client_metadata' });
      return;
    }
    const clientId = random();
    const secret = method === 'none' ? undefined : random();
    clients.set(clientId, {
      method,
      redirectUris: redirectUris as string[],
      ...(secret !== undefined && { secret }),
    });
    send(201, {
      client_id: clientId,
      ...(secret !== undefined && { client_secret: secret }),
      redirect_uris: redirectUris,
    });
  }

  async function clientFor(clientId: string): Promise<Registered | undefined> {
    const known = clients.get(clientId);
    if (known || !clientId.startsWith('http')) return known;
    const document = (await (await fetch(clientId)).json()) as Record<string, unknown>;
    return document['client_id'] === clientId
      ? { method: 'none', redirectUris: document['redirect_uris'] as string[] }
      : undefined;
  }

  async function authorize(params: URLSearchParams, response: ServerResponse, send: Send): Promise<void> {
    const clientId = params.get('client_id') ?? '';
    const redirectUri = params.get('redirect_uri') ?? '';
    const client = await clientFor(clientId);
    if (!client?.redirectUris.includes(redirectUri)) {
      send(400, { error: 'invalid_request' });
      return;
    }
    const [state, challenge] = [params.get('state'), params.get('code_challenge')];
    if (state === null || challenge === null || params.get('code_challenge_method') !== 'S256') {
      send(400, { error: 'invalid_request' });
      return;
    }
    const code = random();
    const [scope, resource] = [params.get('scope') ?? 'tools', params.get('resource')];
    codes.set(code, { clientId, redirectUri, challenge, scope, resource, isEnded: false });
    const back = new URL(redirectUri);
    back.searchParams.set('code', code);
    back.searchParams.set('state', state);
    if (rules.iss !== undefined) back.searchParams.set('iss', rules.iss);
    response.writeHead(302, { location: back.href });
    response.end();
  }

  async function token(
    params: URLSearchParams,
    authorization: string | undefined,
    send: Send,
  ): Promise<void> {
    if (rules.tokenAnswer) {
      send(rules.tokenAnswer.status, rules.tokenAnswer.body);
      return;
    }
    const clientId = await authenticated(params, authorization);
    if (clientId === undefined) {
      send(401, { error: 'invalid_client' });
      return;
    }
    const refused = { error: 'invalid_grant' };
    if (params.get('grant_type') === 'authorization_code') {
      const code = codes.get(params.get('code') ?? '');
      codes.delete(params.get('code') ?? '');
      const isRight =
        code?.clientId === clientId &&
        code.redirectUri === params.get('redirect_uri') &&
        code.resource === params.get('resource') &&
        code.challenge === sha256(params.get('code_verifier') ?? '');
      if (!isRight) {
        send(400, refused);
        return;
      }
      send(200, tokensFor(code));
      return;
    }
    const known = refreshTokens.get(params.get('refresh_token') ?? '');
    if (known?.grant.clientId !== clientId || known.grant.isEnded) {
      send(400, refused);
      return;
    }
    if (known.isUsed) {
      // A second use shows a theft: the family ends.
      known.grant.isEnded = true;
      send(400, refused);
      return;
    }
    known.isUsed = true;
    send(200, tokensFor(known.grant));
  }

  function tokensFor(grant: Grant): Readonly<Record<string, unknown>> {
    const [accessToken, refreshToken] = [random(), random()];
    accessTokens.set(accessToken, grant);
    if (!rules.isShortLived) refreshTokens.set(refreshToken, { grant, isUsed: false });
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: rules.expiresIn,
      scope: grant.scope,
      ...(!rules.isShortLived && { refresh_token: refreshToken }),
    };
  }

  async function authenticated(
    params: URLSearchParams,
    authorization: string | undefined,
  ): Promise<string | undefined> {
    const [id = '', secret] = authorization?.startsWith('Basic ')
      ? Buffer.from(authorization.slice(6), 'base64').toString().split(':')
      : [params.get('client_id') ?? '', params.get('client_secret') ?? undefined];
    const used = authorization ? 'client_secret_basic' : secret === undefined ? 'none' : 'client_secret_post';
    const client = await clientFor(id);
    return client?.method === used && client.secret === secret ? id : undefined;
  }

  function revoke(params: URLSearchParams, send: Send): void {
    const given = params.get('token') ?? '';
    const grant = refreshTokens.get(given)?.grant ?? accessTokens.get(given);
    if (grant) grant.isEnded = true;
    send(200, {});
  }

  return {
    issuer,
    rules,
    clients,
    requests,
    scopesOf: (given) => {
      const grant = accessTokens.get(given);
      return grant && !grant.isEnded ? grant.scope.split(' ') : undefined;
    },
    expireTokens: () => {
      accessTokens.clear();
    },
    close: () => served.close(),
  };
}
