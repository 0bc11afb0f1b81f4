import * as z from 'zod';
import type { Clock } from '../../../shared/platform/base/clock.ts';
import type { IdSource } from '../../../shared/platform/base/ids.ts';
import { invalid, type Result } from '../../../shared/platform/base/result.ts';
import type { ServerStore } from '../../../shared/registry/records/serverStore.ts';
import { refuseSecrets } from '../../../shared/registry/secrets/literalSecrets.ts';
import { tagsOf } from '../../../shared/registry/serverJson/gatewayMeta.ts';
import {
  type ServerJson,
  submittedServerJsonSchema,
} from '../../../shared/registry/serverJson/serverJson.ts';
import {
  type Decision,
  edit,
  publish,
  remove,
  setStatus,
  type StatusUpdate,
} from '../../../shared/registry/versions/changes.ts';
import {
  type PublishedVersion,
  type Versions,
  versionStatuses,
} from '../../../shared/registry/versions/publishedVersion.ts';
import type { AppDeps } from '../../compose/deps.ts';
import type { Answer, Call, Route } from '../../http/route.ts';
import { privileged } from '../privileged.ts';
import { createView, formatError, ok, serverNotFound } from './answers.ts';
import type { ReadDeps } from './reads.ts';
import { readTarget } from './target.ts';

const statusUpdateSchema = z.object({
  status: z.enum(versionStatuses),
  statusMessage: z.string().max(500, 'must be at most 500 characters').superRefine(refuseSecrets).optional(),
});

export interface WriteDeps extends ReadDeps, Pick<AppDeps, 'audit'> {
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly servers: Pick<ServerStore, 'find'>;
}

/** The routes that change what is published. `prefix` is the version of the API, `suffix` tells its functions apart. */
export function writeRoutes(prefix: string, suffix: string, deps: WriteDeps): readonly Route<unknown>[] {
  const { versions, servers, clock, newId, audit } = deps;
  const view = createView(deps.publicOrigin);
  const onServers = {
    path: `${prefix}/servers/{*rest}`,
    permission: 'servers.write',
    query: 'any',
    formatError,
  } as const;

  /** Makes the change and answers with the changed version. */
  const change = async (
    { actor }: Call<unknown>,
    name: string,
    version: string,
    decide: Decision,
  ): Promise<Result<Answer>> => {
    const changed = await versions.change(actor.tenantId, name, decide);
    if (!changed.ok) return changed;
    const found = changed.value.find(({ server }) => server.version === version);
    return found ? ok(view(found)) : serverNotFound;
  };

  /** Returns those of the entries that describe a registered server which is disabled or gone: they stay withdrawn. */
  const unserved = async (tenantId: string, entries: Versions): Promise<Versions> => {
    const found: PublishedVersion[] = [];
    for (const entry of entries) {
      const { slug, sharedBy } = entry;
      if (slug === undefined) continue;
      const stored = await servers.find(sharedBy ?? tenantId, slug);
      if (stored?.value.status !== 'active') found.push(entry);
    }
    return found;
  };

  const publishRoute: Route<ServerJson> = {
    name: `registry-publish${suffix}`,
    method: 'POST',
    path: `${prefix}/publish`,
    permission: 'servers.write',
    query: 'any',
    formatError,
    body: submittedServerJsonSchema,
    handle(call) {
      const { body: server, actor, requestId = newId() } = call;
      const publication = {
        tenantId: actor.tenantId,
        server,
        tags: tagsOf(server),
        publicationId: requestId,
      };
      return change(call, server.name, server.version, publish(publication, clock.now()));
    },
  };

  const editRoute: Route<ServerJson> = {
    ...onServers,
    name: `registry-edit${suffix}`,
    method: 'PUT',
    body: submittedServerJsonSchema,
    handle(call) {
      const target = targetOf(call);
      if (target?.kind !== 'version') return Promise.resolve(serverNotFound);
      const { name, version } = target;
      const described = { server: call.body, tags: tagsOf(call.body) };
      return change(call, name, version, edit(version, described, clock.now()));
    },
  };

  const removeRoute: Route = {
    ...onServers,
    name: `registry-delete${suffix}`,
    method: 'DELETE',
    handle(call) {
      const target = targetOf(call);
      if (target?.kind !== 'version') return Promise.resolve(serverNotFound);
      return change(call, target.name, target.version, remove(target.version, clock.now()));
    },
  };

  const statusRoute: Route<StatusUpdate> = {
    ...onServers,
    name: `registry-status${suffix}`,
    method: 'PATCH',
    body: statusUpdateSchema,
    async handle(call) {
      const target = targetOf(call);
      if (target?.kind !== 'status') return serverNotFound;
      const { name, version } = target;
      const { tenantId } = call.actor;
      const isShown = call.body.status !== 'deleted';
      const wanted = (await versions.versionsOf(tenantId, name)).filter(
        ({ server }) => version === undefined || server.version === version,
      );
      if (isShown && (await unserved(tenantId, wanted)).length > 0) return notServed;
      const now = clock.now();
      const changed = await versions.change(tenantId, name, setStatus(version, call.body, now));
      if (!changed.ok) return changed;
      // A server that was disabled or deleted since may have been withdrawn before this change brought it back.
      const late = isShown ? await unserved(tenantId, wanted) : [];
      for (const { server } of late)
        await versions.change(tenantId, name, setStatus(server.version, { status: 'deleted' }, now));
      if (late.length > 0) return notServed;
      if (version !== undefined) {
        const found = changed.value.find(({ server }) => server.version === version);
        return found ? ok(view(found)) : serverNotFound;
      }
      const updated = changed.value.filter(({ statusChangedAt }) => statusChangedAt === now.toISOString());
      return ok({ updatedCount: updated.length, servers: updated.map(view) });
    },
  };

  return [
    privileged(publishRoute, 'registry.publish', ({ body }) => resource(body.name, body.version), audit),
    privileged(editRoute, 'registry.edit', resourceOf, audit),
    privileged(removeRoute, 'registry.delete', resourceOf, audit),
    privileged(statusRoute, 'registry.status', resourceOf, audit),
  ];
}

const notServed = invalid(
  'status',
  'must be deleted while the registered server is not active: enable or register it first',
);

const targetOf = ({ params }: Call<unknown>) => readTarget(params['rest'] ?? '');

const resource = (name: string, version: string | undefined): string =>
  version === undefined ? `registry/${name}` : `registry/${name}/versions/${version}`;

function resourceOf(call: Call<unknown>): string {
  const target = targetOf(call);
  if (target === undefined || target.kind === 'list') return 'registry';
  return resource(target.name, 'version' in target ? target.version : undefined);
}
