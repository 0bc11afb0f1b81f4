import { isDeepStrictEqual } from 'node:util';
import { fail, type Result, succeed } from '../../shared/platform/base/result.ts';
import { missingItems } from '../../shared/registry/toolsets/missingItems.ts';
import {
  type NewToolset,
  newToolsetSchema,
  sizeFailure,
  type Toolset,
  type ToolsetChange,
  toolsetChangeSchema,
} from '../../shared/registry/toolsets/toolset.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Route } from '../http/route.ts';
import { pageParameters, readPage } from './paging.ts';
import { privileged } from './privileged.ts';

const notFound = (slug: string) => fail({ kind: 'not_found', message: `there is no toolset "${slug}"` });
const hrefOf = (slug: string): string => `/toolsets/${slug}`;

/** Routes for toolsets: curated sets of tools, prompts and resources, each with an MCP endpoint of its own. */
export function toolsetRoutes({
  toolsets,
  visibleServers,
  audit,
  clock,
}: Pick<AppDeps, 'toolsets' | 'visibleServers' | 'audit' | 'clock'>): readonly Route<unknown>[] {
  /** Returns all fields of a toolset, with the items that its endpoint does not show now. */
  const view = async ({ tenantId, ...toolset }: Toolset): Promise<object> => ({
    ...toolset,
    href: hrefOf(toolset.slug),
    missing: await missingItems({ tenantId, ...toolset }, visibleServers),
  });

  /** Returns the stored toolset if a repeated request asks for the same one: the first request stored it and then failed. */
  async function existing(wanted: Toolset, requestId: string | undefined): Promise<Toolset | undefined> {
    const found =
      requestId === undefined ? undefined : (await toolsets.find(wanted.tenantId, wanted.slug))?.value;
    const { createdAt, updatedAt } = found ?? wanted;
    return isDeepStrictEqual(found, { ...wanted, createdAt, updatedAt }) ? found : undefined;
  }

  const create: Route<NewToolset> = {
    name: 'toolsets-create',
    method: 'POST',
    path: 'toolsets',
    permission: 'toolsets.write',
    body: newToolsetSchema,
    async handle({ actor: { tenantId, userId }, body, requestId }): Promise<Result<Answer>> {
      const now = clock.now().toISOString();
      const toolset: Toolset = { ...body, tenantId, createdBy: userId, createdAt: now, updatedAt: now };
      const tooLarge = sizeFailure(toolset);
      if (tooLarge) return tooLarge;
      const made =
        (await toolsets.add(toolset)) === 'inserted' ? toolset : await existing(toolset, requestId);
      return made
        ? succeed({ status: 201, headers: { location: hrefOf(body.slug) }, body: await view(made) })
        : fail({ kind: 'already_exists', message: `there is a toolset "${body.slug}" already` });
    },
  };

  const list: Route = {
    name: 'toolsets-list',
    method: 'GET',
    path: 'toolsets',
    permission: 'toolsets.read',
    query: pageParameters,
    handle: ({ actor, query }) =>
      readPage('toolsets', query, (limit, after) => toolsets.list(actor.tenantId, limit, after), summary),
  };

  const get: Route = {
    name: 'toolsets-get',
    method: 'GET',
    path: 'toolsets/{slug}',
    permission: 'toolsets.read',
    async handle({ actor, params: { slug = '' } }): Promise<Result<Answer>> {
      const stored = await toolsets.find(actor.tenantId, slug);
      return stored
        ? succeed({ status: 200, headers: { etag: stored.etag }, body: await view(stored.value) })
        : notFound(slug);
    },
  };

  const replace: Route<ToolsetChange> = {
    name: 'toolsets-replace',
    method: 'PUT',
    path: 'toolsets/{slug}',
    permission: 'toolsets.write',
    body: toolsetChangeSchema,
    async handle({ actor, params: { slug = '' }, headers, body }): Promise<Result<Answer>> {
      const wanted = headers.get('if-match');
      for (;;) {
        const stored = await toolsets.find(actor.tenantId, slug);
        if (!stored) return notFound(slug);
        if (wanted !== null && wanted !== '*' && wanted !== stored.etag)
          return fail({ kind: 'conflict', message: 'the toolset was changed since it was read' });
        const toolset: Toolset = { ...stored.value, ...body, updatedAt: clock.now().toISOString() };
        const tooLarge = sizeFailure(toolset);
        if (tooLarge) return tooLarge;
        const outcome = await toolsets.replace(toolset, stored.etag);
        if (outcome.status === 'replaced')
          return succeed({ status: 200, headers: { etag: outcome.etag }, body: await view(toolset) });
      }
    },
  };

  const remove: Route = {
    name: 'toolsets-delete',
    method: 'DELETE',
    path: 'toolsets/{slug}',
    permission: 'toolsets.write',
    async handle({ actor, params: { slug = '' } }): Promise<Result<Answer>> {
      for (;;) {
        const stored = await toolsets.find(actor.tenantId, slug);
        if (!stored) return notFound(slug);
        if ((await toolsets.remove(stored.value, stored.etag)) === 'removed') return succeed({ status: 204 });
      }
    },
  };

  const resource = (slug = ''): string => `toolsets/${slug}`;
  return [
    privileged(create, 'toolsets.create', ({ body }) => resource(body.slug), audit),
    list,
    get,
    privileged(replace, 'toolsets.replace', ({ params }) => resource(params['slug']), audit),
    privileged(remove, 'toolsets.delete', ({ params }) => resource(params['slug']), audit),
  ];
}

function summary({ slug, title, description, tools, prompts, resources }: Toolset) {
  return {
    slug,
    title,
    description,
    toolCount: tools.length,
    promptCount: prompts.length,
    resourceCount: resources.length,
    href: hrefOf(slug),
  };
}
