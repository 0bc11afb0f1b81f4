import type { Clock } from '../../platform/base/clock.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import type { IsRevoked } from '../access/revocations.ts';
import type { EntraTokens } from '../credentials/entraSignIn.ts';
import type { AuthorizationRequest } from './authorizationRequest.ts';
import type { SignInPurpose } from './browserSignIn.ts';
import type { Codes } from './codes.ts';
import { consentIdOf, type ConsentStore, consentUriOf } from './consent.ts';
import type { Grants } from './grants.ts';
import { refused } from './signInRefusal.ts';

export interface AuthorizeDeps {
  readonly consents: ConsentStore;
  readonly grants: Grants;
  readonly codes: Codes;
  readonly isRevoked: IsRevoked;
  readonly clock: Clock;
}

/**
 * Returns the code for a client once the person has signed in, or `ask` where the browser's remembered consent is not one of this
 * person: the person is asked then. Failures: `access_denied`.
 */
export async function grantCode(
  { request, remembered }: Extract<SignInPurpose, { kind: 'authorize' }>,
  person: EntraTokens,
  deps: AuthorizeDeps,
): Promise<Result<{ readonly code: string } | 'ask'>> {
  const { tenantId, userId } = person.actor;
  const { clientId, tenant } = request;
  if (tenant !== undefined && tenant !== tenantId) return otherTenant;
  if (await deps.isRevoked({ tenantId, userId, clientId })) return revoked;
  const isSame = remembered?.tenantId === tenantId && remembered.userId === userId;
  if (remembered && !(isSame && (await hasConsent(request, person, deps)))) return succeed('ask');
  if (!remembered) await keepConsent(request, person, deps);
  const grant = await deps.grants.begin(person, request);
  return succeed({ code: await deps.codes.issue(grant, request) });
}

async function hasConsent(
  request: AuthorizationRequest,
  { actor: { tenantId, userId } }: EntraTokens,
  { consents }: AuthorizeDeps,
): Promise<boolean> {
  return (await consents.find({ tenantId, userId, id: consentIdOf(request) })) !== undefined;
}

async function keepConsent(
  request: AuthorizationRequest,
  { actor: { tenantId, userId } }: EntraTokens,
  { consents, clock }: AuthorizeDeps,
): Promise<void> {
  const { clientId, clientName, resource, scopes } = request;
  await consents.add({
    id: consentIdOf(request),
    tenantId,
    userId,
    clientId,
    clientName,
    redirectUri: consentUriOf(request),
    resource,
    scopes,
    givenAt: clock.now().toISOString(),
  });
}

const otherTenant = refused(
  'access_denied',
  'tenant_changed',
  'the person who signed in is of another tenant than the one that the URL names',
);
const revoked = refused('access_denied', 'revoked', 'an administrator ended this access');
