import type { INetworkModule, ManagedIdentityApplication } from '@azure/msal-node';
import { parseJsonBytes } from '../base/json.ts';
import { lazily } from '../base/lazily.ts';
import { readBoundedBody } from '../base/readBounded.ts';

/** A token of the app's identity for one Azure service. */
export interface IdentityToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresOnTimestamp: number;
}

/**
 * The managed identity that Azure gives the app. It has the shape of the Azure SDKs' `TokenCredential`. A scope is such as
 * `https://storage.azure.com/.default`. Both functions throw when Azure issues no token.
 */
export interface AppIdentity {
  /** Returns a token that is valid for five minutes or longer. It is cached for the whole process. */
  getToken(scopes: string | string[]): Promise<IdentityToken>;
  /** Returns the token that Azure issues now, and caches it. */
  renewToken(scope: string): Promise<IdentityToken>;
}

/** Opens the user-assigned identity with this client id, or the system-assigned one. Imports MSAL with the first token. */
export function openAppIdentity(clientId: string | undefined): AppIdentity {
  const opened = lazily(() => openApplication(clientId));

  async function acquire(scope: string, forceRefresh: boolean): Promise<IdentityToken> {
    const application = await opened();
    try {
      const { accessToken, expiresOn } = await application.acquireToken({ resource: scope, forceRefresh });
      if (!expiresOn || Number.isNaN(expiresOn.getTime())) throw new Error('the token has no time of expiry');
      return { token: accessToken, expiresOnTimestamp: expiresOn.getTime() };
    } catch (cause) {
      const message = `no token for ${scope}: check that the identity of AZURE_CLIENT_ID is assigned to the app`;
      throw new Error(message, { cause });
    }
  }
  return {
    getToken: (scopes) => acquire([scopes].flat().join(' '), false),
    renewToken: (scope) => acquire(scope, true),
  };
}

async function openApplication(clientId: string | undefined): Promise<ManagedIdentityApplication> {
  const { AuthError, ManagedIdentityApplication } = await import('@azure/msal-node');
  /** MSAL hides the reason of every error that is not its own. */
  const withReason = (error: unknown): never => {
    throw new AuthError('identity_endpoint', '', reasonOf(error));
  };
  const networkClient: INetworkModule = {
    sendGetRequestAsync: (url, options) =>
      send(url, { method: 'GET', headers: options?.headers ?? {} }).catch(withReason),
    sendPostRequestAsync: (url, options) =>
      send(url, { method: 'POST', headers: options?.headers ?? {}, body: options?.body ?? '' }).catch(
        withReason,
      ),
  };
  return new ManagedIdentityApplication({
    ...(clientId !== undefined && { managedIdentityIdParams: { userAssignedClientId: clientId } }),
    system: { networkClient, loggerOptions: { piiLoggingEnabled: false } },
  });
}

/** `fetch` tells only that it failed, and its cause has the reason. Its own words may hold the header with the secret. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (error.cause instanceof Error) return error.cause.message;
  return error instanceof TypeError ? 'the identity endpoint cannot be asked' : error.message;
}

/** A caller waits for the token. */
const TOKEN_TIMEOUT_MS = 5_000;
const MAX_TOKEN_BYTES = 65_536;

/** MSAL's own client waits for minutes. The guarded client cannot be used: the endpoint is on a link-local address. */
async function send(
  url: string,
  request: RequestInit,
): Promise<{ headers: Record<string, string>; body: never; status: number }> {
  const signal = AbortSignal.timeout(TOKEN_TIMEOUT_MS);
  const response = await fetch(url, { ...request, signal, redirect: 'error' });
  const bytes = await readBoundedBody(response, MAX_TOKEN_BYTES);
  if (!bytes) throw new Error('the identity endpoint answered with too much');
  const body = parseJsonBytes(bytes);
  // The words of the parser would hold the begin of a token.
  if (typeof body !== 'object' || body === null)
    throw new Error(`the identity endpoint answered ${response.status} with no JSON object`);
  if (response.ok && !('access_token' in body && typeof body.access_token === 'string'))
    throw new Error('the identity endpoint answered without a token');
  return {
    headers: Object.fromEntries(response.headers),
    body: body as never,
    status: response.status,
  };
}
