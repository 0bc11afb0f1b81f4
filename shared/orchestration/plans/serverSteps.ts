import type { Session } from '../../identity/sessions/sessionStore.ts';
import { needsSignIn } from '../../registry/records/upstreamSettings.ts';
import type { Caller } from '../model/caller.ts';
import type { RecordContent } from '../servers/recordContent.ts';
import { type RegistrationDeps, step } from './namedPlan.ts';

export const authenticateAdmin = step('authenticate_admin', 'mcp-security-auditor');
export const validateServer = step('validate_server_config', 'fastmcp-specialist');
export const auditRegistration = step('audit_registration', 'mcp-security-auditor');

/**
 * Opens the session that keeps the caller's token while servers are validated. Returns `undefined` for servers that users do
 * not sign in to, and for a caller that is no user or has no token.
 */
export async function openValidationSession(
  servers: readonly Pick<RecordContent, 'upstream'>[],
  { actor, token }: Caller,
  { credentials, sessions }: RegistrationDeps,
): Promise<Session | undefined> {
  const isNeeded = actor.kind === 'user' && servers.some((server) => needsSignIn(server, credentials));
  return isNeeded && token !== undefined ? sessions.open(actor, token) : undefined;
}

/** Returns what the validation of a server needs to connect to it. `slug` is the slug that the server has or gets. */
export const validationInput = (slug: string, { url, sealedUrl, upstream }: RecordContent): object => ({
  url,
  accountsAt: slug,
  ...(sealedUrl !== undefined && { sealedUrl }),
  ...(upstream && { upstream }),
});
