import type { SignedIn } from '../identity/credentials.ts';
import type { Principal } from '../identity/principal.ts';
import type { TaskHelpers } from '../orchestration/task/task.ts';

type Owner = Pick<TaskHelpers, 'authContext' | 'token'>;

/** The owner of the session that a task works for; undefined where there is none, or it has ended. */
export async function ownerOf({ authContext }: Pick<Owner, 'authContext'>): Promise<Principal | undefined> {
  const context = await authContext();
  if (!context) return undefined;
  const { tenantId, userId, roles, expiresAt } = context;
  return { tenantId, userId, kind: 'user', clientId: '', roles, expiresAt: Date.parse(expiresAt) };
}

/** The same with the token, where the session has kept it. */
export async function signedIn(owner: Owner): Promise<SignedIn | undefined> {
  const [principal, token] = await Promise.all([ownerOf(owner), owner.token()]);
  return principal && token !== undefined ? { principal, token } : undefined;
}
