import type { JWK } from 'jose';
import type { Actor } from '../access/actor.ts';

/** An access token of the gateway's own (RFC 9068). */
export interface AccessTokenRequest {
  /** Who the token is for. `clientId` is the MCP client. */
  readonly actor: Omit<Actor, 'expiresAt'>;
  /** The URL of the endpoint that the token is for (RFC 8707). */
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface AccessTokenSigner {
  sign(request: AccessTokenRequest): Promise<string>;
  /** The public keys, as the key set of the gateway publishes them. */
  readonly publicKeys: readonly JWK[];
}
