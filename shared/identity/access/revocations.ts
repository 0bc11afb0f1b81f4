import type { Actor } from './actor.ts';

/**
 * Returns whether an administrator ended the access of the user, or of the client, in the tenant.
 * @throws InfrastructureError when that is not known: the request is refused then.
 */
export type IsRevoked = (actor: Pick<Actor, 'tenantId' | 'userId' | 'clientId'>) => Promise<boolean>;
