import type { Consent } from '../../shared/identity/broker/consent.ts';
import { fail, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Route } from '../http/route.ts';
import { pageParameters, readPage } from './paging.ts';
import { privileged } from './privileged.ts';

type ConsentDeps = Pick<AppDeps, 'broker' | 'audit'>;

/** Routes for the caller's own consents: which clients may act for the caller. Nobody sees those of others. */
export function consentRoutes({ broker, audit }: ConsentDeps): readonly Route<unknown>[] {
  if (!broker) return [];
  const { consents, grants } = broker;

  const list: Route = {
    name: 'consents-list',
    method: 'GET',
    path: 'consents',
    permission: 'sessions.own',
    query: pageParameters,
    handle: ({ actor: { tenantId, userId }, query }) =>
      readPage('consents', query, (limit, after) => consents.list(tenantId, userId, limit, after), view),
  };

  /** The client is signed out too. Its access tokens expire within ten minutes. */
  const withdraw: Route = {
    name: 'consents-withdraw',
    method: 'DELETE',
    path: 'consents/{id}',
    permission: 'sessions.own',
    async handle({ actor: { tenantId, userId }, params: { id = '' } }) {
      const consent = await consents.find({ tenantId, userId, id });
      if (!consent) return fail({ kind: 'not_found', message: `you have given no consent "${id}"` });
      await consents.remove(consent);
      await grants.endAllOf(tenantId, userId, consent.clientId);
      return succeed({ status: 204 });
    },
  };

  return [list, privileged(withdraw, 'sign_in.revoke', ({ params: { id = '' } }) => `consents/${id}`, audit)];
}

const view = ({ id, clientId, clientName, redirectUri, resource, scopes, givenAt }: Consent) => ({
  id,
  clientId,
  clientName,
  redirectUri,
  resource,
  scopes,
  givenAt,
});
