import type { JSONWebKeySet } from 'jose';
import type { Result } from '../../platform/base/result.ts';

/** An MCP client that asks the gateway for tokens. */
export interface OAuthClient {
  readonly id: string;
  /** How the gateway knows it: by the settings, by a document at its id (CIMD), or by dynamic registration (RFC 7591). */
  readonly kind: 'preset' | 'document' | 'registered';
  /** The name that it gives itself. Nobody has verified it, except for a preset client. */
  readonly name: string;
  readonly redirectUris: readonly string[];
  /** SHA-256 of the client secret in base64url. A client with neither a secret nor keys is public. */
  readonly secretHash?: string;
  /** Where the keys are with which the client signs its assertions (`private_key_jwt`). Only a document names them. */
  readonly keys?: ClientKeys;
}

export type ClientKeys = { readonly jwks: JSONWebKeySet } | { readonly jwksUri: string };

/**
 * Finds clients. Failures: `invalid` for a client that is unknown or whose document cannot be used; `unavailable` and `timeout`
 * when that is not known. `address` is where the request comes from: each has a share of the documents that are fetched. Messages are for a person or a developer, and quote nothing of the document.
 */
export interface OAuthClients {
  find(clientId: string, address?: string): Promise<Result<OAuthClient>>;
}
