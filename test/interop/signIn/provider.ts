import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';

/** The part of a client that its author writes: it keeps what the SDK gives it, and opens the browser. */
export interface TestProvider extends OAuthClientProvider {
  /** The URL at which the browser came back. */
  readonly answer: URL | undefined;
  /** The newest access token. */
  readonly accessToken: string | undefined;
}

export interface ProviderOptions {
  readonly redirectUrl: string;
  readonly open: (url: string) => Promise<URL>;
  /** Of a client that the administrator of the gateway knows. */
  readonly client?: OAuthClientInformationMixed;
  /** Where the document of the client is. */
  readonly clientMetadataUrl?: string;
}

export function testProvider({
  redirectUrl,
  open,
  client,
  clientMetadataUrl,
}: ProviderOptions): TestProvider {
  let information = client;
  let tokens: OAuthTokens | undefined;
  let verifier = '';
  let answer: URL | undefined;
  return {
    redirectUrl,
    clientMetadata: clientDocument(redirectUrl),
    ...(clientMetadataUrl !== undefined && { clientMetadataUrl }),
    get answer() {
      return answer;
    },
    get accessToken() {
      return tokens?.access_token;
    },
    clientInformation: () => information,
    saveClientInformation(saved) {
      information = saved;
    },
    tokens: () => tokens,
    saveTokens(saved) {
      tokens = saved;
    },
    async redirectToAuthorization(url) {
      answer = await open(url.href);
    },
    saveCodeVerifier(saved) {
      verifier = saved;
    },
    codeVerifier: () => verifier,
  };
}

/** What a client says of itself when it registers. Its client id metadata document says the same. */
export const clientDocument = (redirectUrl: string): OAuthClientMetadata => ({
  client_name: 'Interop',
  redirect_uris: [redirectUrl],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
});
