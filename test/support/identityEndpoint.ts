import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from './handmadeUpstream.ts';
import { serve } from './serve.ts';

/** A request for a token. */
export interface TokenAsked {
  readonly resource: string;
  readonly clientId: string | undefined;
}

/** The identity endpoint of App Service, as an app finds it by `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`. */
export interface IdentityEndpoint {
  readonly environment: { readonly IDENTITY_ENDPOINT: string; readonly IDENTITY_HEADER: string };
  readonly asked: readonly TokenAsked[];
  close(): Promise<void>;
}

const HEADER = 'header-of-the-identity-endpoint';
export const identityTenant = '5f0c1d7e-2a44-4b7f-9d3c-6e0f8a1b2c3d';

/** An identity that is assigned to the app. */
export interface AssignedIdentity {
  readonly clientId: string;
  readonly objectId: string;
  /** Seconds for which its tokens are valid. */
  readonly expiresInS?: number;
  /** What is wrong with the answer of the endpoint. */
  readonly fault?: 'silence' | 'too_much' | 'token_alone' | 'no_expiry';
}

export interface IssuedToken {
  readonly resource: string;
  readonly objectId: string;
  readonly token: string;
}

/**
 * Starts a stand-in that issues tokens for these identities, and, as Azure does with user-assigned identities only, none without a
 * client id. `onToken` ends before the app has the token. Source: "How to use managed identities for App Service", REST endpoint reference.
 */
export async function startIdentityEndpoint(
  identities: readonly AssignedIdentity[],
  onToken: (issued: IssuedToken) => Promise<unknown> = () => Promise.resolve(),
): Promise<IdentityEndpoint> {
  const asked: TokenAsked[] = [];
  const answer = async ({ url = '', headers }: IncomingMessage, response: ServerResponse) => {
    const query = new URL(url, 'http://identity').searchParams;
    const resource = query.get('resource') ?? '';
    const clientId = query.get('client_id') ?? undefined;
    asked.push({ resource, clientId });
    const identity = identities.find((each) => each.clientId === clientId);
    if (headers['x-identity-header'] !== HEADER || query.get('api-version') !== '2019-08-01' || !identity) {
      json(response, { statusCode: 400, message: 'Unable to load the proper Managed Identity.' }, 400);
      return;
    }
    if (identity.fault === 'silence') return;
    const expiresOn = Math.floor(Date.now() / 1000) + (identity.expiresInS ?? 86_400);
    const token = tokenOf(identity, resource, expiresOn, asked.length);
    await onToken({ resource, objectId: identity.objectId, token });
    if (identity.fault === 'token_alone') {
      response.end(token);
      return;
    }
    json(response, {
      access_token: token,
      expires_on: identity.fault === 'no_expiry' ? '9'.repeat(20) : String(expiresOn),
      resource,
      token_type: 'Bearer',
      client_id: clientId,
      ...(identity.fault === 'too_much' && { padding: ' '.repeat(100_000) }),
    });
  };
  const server = await serve((request, response) => void answer(request, response));
  return {
    environment: {
      IDENTITY_ENDPOINT: `http://127.0.0.1:${server.port}/msi/token`,
      IDENTITY_HEADER: HEADER,
    },
    asked,
    close: () => server.close(),
  };
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** The services that take these tokens here read their claims and check no signature. */
function tokenOf({ clientId, objectId }: AssignedIdentity, aud: string, exp: number, number: number): string {
  const claims = {
    aud,
    iss: `https://sts.windows.net/${identityTenant}/`,
    iat: exp - 86_400,
    nbf: exp - 86_400,
    exp,
    appid: clientId,
    oid: objectId,
    sub: objectId,
    tid: identityTenant,
    uti: String(number),
    ver: '1.0',
  };
  return `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}.${encode({})}`;
}
