import type { Result } from '../../platform/base/result.ts';
import type { Actor } from '../access/actor.ts';

/** What a sign-in at Entra needs when the browser comes back. It is stored on the server. */
export interface EntraPending {
  /** The authority: a tenant, or `organizations`. */
  readonly tenant: string;
  readonly codeVerifier: string;
  readonly nonce: string;
}

/** What Entra gives for a person: tokens that stay on the server, and who the person is by the access token. */
export interface EntraTokens {
  /** An access token for this gateway. It keeps every rule of `tokenRules`. */
  readonly accessToken: string;
  readonly refreshToken: string;
  /** `clientId` is that of the gateway's own registration. */
  readonly actor: Actor;
}

/**
 * The confidential client with which the gateway signs people in at Entra: authorization code with PKCE, the full scope of this
 * gateway, no `resource` and no forced consent. Failures: `unauthenticated` where Entra refuses, such as a code that was used, a
 * person whose sign-in was revoked or whose account is disabled; `forbidden` for a person without a role or of a tenant that may
 * not sign in; `unavailable`. Their messages hold nothing of Entra's answer.
 */
export interface EntraSignIn {
  /** Returns where a browser signs in. `state` comes back with it to `{publicOrigin}/oauth/callback`. */
  begin(ask: {
    readonly state: string;
    /** The tenant that the client named; otherwise every tenant of the settings may sign in. */
    readonly tenant?: string;
  }): Promise<{ readonly url: string; readonly pending: EntraPending }>;
  redeem(code: string, pending: EntraPending): Promise<Result<EntraTokens>>;
  refresh(tenantId: string, refreshToken: string): Promise<Result<EntraTokens>>;
}

/** Returns the token of Entra of a signed-in user, for an exchange on the user's behalf. Failures: those of `EntraSignIn`. */
export type EntraTokenOf = (user: {
  readonly actor: Actor;
  readonly token: string;
}) => Promise<Result<string>>;
