import type { SignedIn } from '../identity/credentials.ts';
import type { AuthContext } from '../identity/sessionStore.ts';

/** The owner of a session as who is signed in, where the session holds the token. */
export function signedIn(context: AuthContext | undefined, token: string | undefined): SignedIn | undefined {
  if (!context || token === undefined) return undefined;
  const { tenantId, userId, roles, expiresAt } = context;
  return {
    principal: { tenantId, userId, kind: 'user', clientId: '', roles, expiresAt: Date.parse(expiresAt) },
    token,
  };
}
