import * as z from 'zod';
import { derivedId } from '../../platform/base/ids.ts';
import type { Page } from '../../platform/tables/tables.ts';
import type { AuthorizationRequest } from './authorizationRequest.ts';
import { withoutLoopbackPort } from './redirectUris.ts';

export const consentSchema = z.object({
  /** Follows from the client, the redirect URI, the endpoint and the scopes. */
  id: z.string(),
  tenantId: z.string(),
  userId: z.string(),
  clientId: z.string(),
  clientName: z.string(),
  redirectUri: z.string(),
  resource: z.string(),
  scopes: z.array(z.string()).readonly(),
  givenAt: z.iso.datetime(),
});
/** A person agreed that a client gets tokens for an endpoint, and where the answer goes. */
export type Consent = Readonly<z.infer<typeof consentSchema>>;

export type ConsentName = Pick<Consent, 'tenantId' | 'userId' | 'id'>;

/** The stored consents. An outage is thrown. */
export interface ConsentStore {
  find(name: ConsentName): Promise<Consent | undefined>;
  /** Stores the consent. A consent of the same name keeps the time at which it was given first. */
  add(consent: Consent): Promise<void>;
  remove(name: ConsentName): Promise<'removed' | 'missing'>;
  /** Returns the consents of a person. */
  list(tenantId: string, userId: string, limit: number, after?: string): Promise<Page<Consent>>;
}

/** Returns the redirect URI that a consent is for. The port of a loopback URI differs each time. */
export const consentUriOf = ({ redirectUri }: Pick<AuthorizationRequest, 'redirectUri'>): string =>
  withoutLoopbackPort(redirectUri);

/** Returns the id of the consent that a request needs. */
export const consentIdOf = (request: AuthorizationRequest): string =>
  derivedId([request.clientId, consentUriOf(request), request.resource, [...request.scopes].sort()]);
