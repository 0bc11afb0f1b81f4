import { type RegistrationDeps, registerServer } from '../../shared/orchestration/plan/registerServer.ts';
import { type Result, fail, succeed } from '../../shared/platform/result.ts';
import { type Registration, type ServerRecord, registrationSchema } from '../../shared/registry/server.ts';
import type { AppDeps } from '../compose.ts';
import type { Answer, Route } from '../http.ts';
import { callerOf } from './caller.ts';
import { readPage } from './paging.ts';
import { planHref } from './plans.ts';
import { privileged } from './privileged.ts';
import { follow, waitSeconds } from './wait.ts';

const notFound = (slug: string) => fail({ kind: 'not_found', message: `there is no server "${slug}"` });

/** The servers of the caller's tenant. */
export function serverRoutes(deps: RegistrationDeps & Pick<AppDeps, 'audit'>): readonly Route<unknown>[] {
  const { servers } = deps;

  const register: Route<Registration> = {
    name: 'servers-register',
    method: 'POST',
    path: 'servers',
    permission: 'servers.write',
    body: registrationSchema,
    async handle(call): Promise<Result<Answer>> {
      const { body, query, signal } = call;
      const wait = waitSeconds(query);
      if (!wait.ok) return wait;
      const caller = callerOf(call);
      if (!caller.ok) return caller;
      const registered = await registerServer(body, caller.value, deps);
      if (!registered.ok) return registered;
      const { tenantId, slug, planId } = registered.value;
      const { status, statusReason } = await follow(
        registered.value,
        async () => {
          const found = (await servers.find(tenantId, slug))?.value;
          return found?.planId === planId ? found : undefined;
        },
        (record) => record.status !== 'pending',
        wait.value,
        signal,
      );
      const plan = { id: planId, href: planHref(planId) };
      return succeed({
        status: 202,
        headers: { location: plan.href },
        body: { slug, status, statusReason, plan },
      });
    },
  };

  const list: Route = {
    name: 'servers-list',
    method: 'GET',
    path: 'servers',
    permission: 'servers.read',
    handle: ({ principal, query }) =>
      readPage(query, (limit, after) => servers.list(principal.tenantId, limit, after), summary),
  };

  const get: Route = {
    name: 'servers-get',
    method: 'GET',
    path: 'servers/{slug}',
    permission: 'servers.read',
    async handle({ principal, params: { slug = '' } }): Promise<Result<Answer>> {
      const stored = await servers.find(principal.tenantId, slug);
      return stored
        ? succeed({ status: 200, headers: { etag: stored.etag }, body: details(stored.value) })
        : notFound(slug);
    },
  };

  const remove: Route = {
    name: 'servers-delete',
    method: 'DELETE',
    path: 'servers/{slug}',
    permission: 'servers.write',
    async handle({ principal, params: { slug = '' } }): Promise<Result<Answer>> {
      for (;;) {
        const stored = await servers.find(principal.tenantId, slug);
        if (!stored) return notFound(slug);
        if ((await servers.remove(stored.value, stored.etag)) === 'removed') return succeed({ status: 204 });
      }
    },
  };

  return [
    privileged(register, 'servers.register', ({ body }) => `servers/${body.slug}`, deps.audit),
    list,
    get,
    privileged(remove, 'servers.delete', ({ params }) => `servers/${params['slug'] ?? ''}`, deps.audit),
  ];
}

function summary({ slug, title, description, url, status, statusReason, discovery }: ServerRecord) {
  return {
    slug,
    title,
    description,
    url,
    status,
    statusReason,
    era: discovery?.era,
    toolCount: discovery?.tools.length,
  };
}

function details(record: ServerRecord) {
  const { discovery, planId, createdAt, updatedAt } = record;
  return {
    ...summary(record),
    server: record.server,
    protocolVersion: discovery?.protocolVersion,
    serverInfo: discovery?.serverInfo,
    tools: discovery?.tools.map(({ name, title, description }) => ({ name, title, description })) ?? [],
    discoveredAt: discovery?.discoveredAt,
    plan: { id: planId, href: planHref(planId) },
    createdAt,
    updatedAt,
  };
}
