import type { Result } from '../../platform/base/result.ts';

/** An MCP client that asks the gateway for tokens. */
export interface OAuthClient {
  readonly id: string;
  /** How the gateway knows it: by the settings, by a document at its id (CIMD), or by dynamic registration (RFC 7591). */
  readonly kind: 'preset' | 'document' | 'registered';
  /** The name that it gives itself. Nobody has verified it, except for a preset client. */
  readonly name: string;
  readonly redirectUris: readonly string[];
  /** SHA-256 of the client secret in base64url. Absent: a public client. */
  readonly secretHash?: string;
}

/** Finds clients. Failures: `invalid` for a client that is unknown or whose document cannot be used; `unavailable`. */
export interface OAuthClients {
  find(clientId: string): Promise<Result<OAuthClient>>;
}
