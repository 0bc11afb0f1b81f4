import type { IdSource } from '../../shared/platform/base/ids.ts';
import { fail, succeed } from '../../shared/platform/base/result.ts';
import {
  expiryOf,
  linkExpiry,
  linkIdOf,
  type LinkRequest,
  linkRequestSchema,
  type RegistryLink,
  type RegistryLinkStore,
} from '../../shared/registry/links/registryLink.ts';
import type { AppDeps } from '../compose/deps.ts';
import { secretUrlHeaders } from '../http/answers.ts';
import type { Route } from '../http/route.ts';
import { pageParameters, readPage } from './paging.ts';
import { privileged } from './privileged.ts';

export interface LinkDeps extends Pick<AppDeps, 'audit' | 'clock'> {
  readonly links: RegistryLinkStore;
  readonly newSecret: IdSource;
}

/** Routes for the links by which clients without a token read the registry of the caller's tenant. */
export function registryLinkRoutes({ links, clock, newSecret, audit }: LinkDeps): readonly Route<unknown>[] {
  const create: Route<LinkRequest> = {
    name: 'registry-links-create',
    method: 'POST',
    path: 'registry-links',
    permission: 'registryLinks.manage',
    answerHeaders: secretUrlHeaders,
    body: linkRequestSchema,
    async handle({ actor: { tenantId, userId }, body: { name, tags, expiresInDays } }) {
      const now = clock.now();
      const secret = newSecret();
      const link: RegistryLink = {
        tenantId,
        id: linkIdOf(secret),
        name,
        ...(tags && { tags }),
        createdBy: userId,
        createdAt: now.toISOString(),
        expiresAt: linkExpiry(now, expiresInDays).toISOString(),
      };
      await links.add(link);
      // No later answer shows the secret.
      const body = { ...view(link), path: `/r/${secret}` };
      return succeed({
        status: 201,
        headers: { location: `/registry-links/${link.id}` },
        body,
      });
    },
  };

  const list: Route = {
    name: 'registry-links-list',
    method: 'GET',
    path: 'registry-links',
    permission: 'registryLinks.manage',
    query: pageParameters,
    handle: ({ actor, query }) =>
      readPage('registryLinks', query, (limit, after) => links.list(actor.tenantId, limit, after), view),
  };

  const revoke: Route = {
    name: 'registry-links-revoke',
    method: 'DELETE',
    path: 'registry-links/{id}',
    permission: 'registryLinks.manage',
    async handle({ actor, params: { id = '' } }) {
      return (await links.revoke(actor.tenantId, id))
        ? succeed({ status: 204 })
        : fail({ kind: 'not_found', message: `no registry link "${id}"` });
    },
  };

  return [
    privileged(create, 'registry-links.create', () => 'registry-links', audit),
    list,
    privileged(
      revoke,
      'registry-links.revoke',
      ({ params }) => `registry-links/${params['id'] ?? ''}`,
      audit,
    ),
  ];
}

function view(link: RegistryLink) {
  const { id, name, tags, createdBy, createdAt } = link;
  return { id, name, tags, createdBy, createdAt, expiresAt: expiryOf(link).toISOString() };
}
