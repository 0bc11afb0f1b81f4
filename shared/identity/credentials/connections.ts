import type { Result } from '../../platform/base/result.ts';
import type { Actor } from '../access/actor.ts';

/** A server at which users have accounts of their own. */
export interface ConnectionTarget {
  readonly slug: string;
  /**
   * The URL of the server, as its record shows it. A record may get another URL: a token that was issued for one origin never goes
   * to another.
   */
  readonly url: string;
  /** The preset client of the settings, if the credential has one. */
  readonly client?:
    | {
        readonly issuer: string;
        readonly clientId: string;
        readonly clientSecret?: string | undefined;
        readonly scope?: string | undefined;
      }
    | undefined;
}

/** The accounts of users at upstream servers. */
export interface Connections {
  /**
   * Returns the value of `Authorization` for a request to the server in the name of the user, and refreshes the token before.
   * Failures: `sign_in_needed` with `members.signInUrl` where the user has not connected an account, or where the server's
   * authorization server no longer accepts it; `unavailable`.
   */
  authorizationFor(
    user: Pick<Actor, 'tenantId' | 'userId'>,
    target: ConnectionTarget,
  ): Promise<Result<string>>;
  /**
   * Tells that the server refused this value, with its `WWW-Authenticate`: 401, or 403 for a lack of scopes. Returns the value for
   * one retry, which is a refreshed one, or the failures of `authorizationFor`. A refreshed value that is refused too, and a lack
   * of scopes, are `sign_in_needed`: the next sign-in then asks for the scopes that the challenge names.
   */
  refused(
    user: Pick<Actor, 'tenantId' | 'userId'>,
    target: ConnectionTarget,
    authorization: string,
    challenge?: string,
  ): Promise<Result<string>>;
  /**
   * Returns a user of the tenant who has connected an account to the server, for discovery; `undefined` if nobody has. The account
   * of a user whose access an administrator ended is not used.
   */
  firstUserOf(tenantId: string, slug: string): Promise<string | undefined>;
}
