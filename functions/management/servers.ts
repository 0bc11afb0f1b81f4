import * as z from 'zod';
import { readServerHealth } from '../../shared/gateway/upstream/serverHealth.ts';
import type { Caller } from '../../shared/orchestration/model/caller.ts';
import { hasEnded, type Plan } from '../../shared/orchestration/model/plan.ts';
import { planError } from '../../shared/orchestration/model/planProgress.ts';
import { registerServer } from '../../shared/orchestration/plans/serverRegistration.ts';
import { removeServer } from '../../shared/orchestration/plans/serverRemoval.ts';
import { refreshServer, updateServer } from '../../shared/orchestration/plans/serverUpdate.ts';
import type { ServerChange } from '../../shared/orchestration/servers/findServer.ts';
import { fail, type Failure, type Result, succeed } from '../../shared/platform/base/result.ts';
import {
  type Registration,
  registrationSchema,
  type ServerContent,
  serverContentSchema,
  type ServerRecord,
  serverStatusSchema,
  statusReasonOf,
} from '../../shared/registry/records/server.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Call, Route } from '../http/route.ts';
import { pageParameters, readPage, readQuery } from './paging.ts';
import { planHref } from './plans.ts';
import { privileged } from './privileged.ts';
import { detailParts, serverDetails, serverSummary } from './serverView.ts';
import { askerOf, followPlan, waitParameter } from './wait.ts';

const filterSchema = z.object({
  status: serverStatusSchema.optional(),
  tag: z.string().max(40).optional(),
  search: z.string().max(200).optional(),
});

const detailSchema = z.object({
  include: z
    .string()
    .transform((names) => names.split(','))
    .pipe(z.array(z.enum(detailParts)))
    .optional(),
});

/** Default of `?wait=` for a removal, in seconds: it ends soon, and its caller needs the result. */
const REMOVAL_WAIT_SECONDS = '10';

/** Routes for the servers of the caller's tenant. */
export function serverRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const { visibleServers, plans } = deps;
  const healthDeps = { state: deps.shortLived, clock: deps.clock };

  const register: Route<Registration> = {
    name: 'servers-register',
    method: 'POST',
    path: 'servers',
    permission: 'servers.write',
    query: waitParameter,
    isResumable: true,
    body: registrationSchema,
    async handle(call): Promise<Result<Answer>> {
      const asker = askerOf(call);
      if (!asker.ok) return asker;
      const registered = await registerServer(call.body, asker.value.caller, deps);
      if (!registered.ok) return registered;
      const { record, plan: begun } = registered.value;
      const { tenantId, slug } = record;
      const read = async () => (await plans.find(tenantId, begun.id))?.value;
      const isOver = (found: Plan | undefined) => !found || hasEnded(found);
      const plan = await asker.value.follow<Plan | undefined>(undefined, read, isOver);
      const found = plan && (await deps.servers.find(tenantId, slug))?.value;
      // The record is identified by its creation: a later change has replaced its plan.
      const now = found?.createdAt === record.createdAt ? found : record;
      const { status } = now;
      const statusReason = statusReasonOf(now);
      const href = planHref(begun.id);
      const shown = { id: begun.id, href };
      const phasesCompleted = plan && completedPhases(plan);
      if (status === 'rejected') {
        const reason = statusReason ?? 'the registration did not succeed';
        return rejected(reason, { slug, statusReason, phasesCompleted, plan: shown });
      }
      return succeed({
        status: 202,
        headers: { location: href },
        body: { slug, status, statusReason, phasesCompleted, plan: shown },
      });
    },
  };

  const list: Route = {
    name: 'servers-list',
    method: 'GET',
    path: 'servers',
    permission: 'servers.read',
    query: [...pageParameters, ...Object.keys(filterSchema.shape)],
    async handle({ actor: { tenantId }, query }): Promise<Result<Answer>> {
      const filter = readQuery(query, filterSchema);
      if (!filter.ok) return filter;
      const read = async (limit: number, after?: string) => {
        const page = await visibleServers.list(tenantId, filter.value, limit, after);
        const shown = async (record: ServerRecord) =>
          serverSummary(record, tenantId, await readServerHealth(tenantId, record, healthDeps));
        return { ...page, items: await Promise.all(page.items.map(shown)) };
      };
      return readPage('servers', query, read, (server) => server);
    },
  };

  const get: Route = {
    name: 'servers-get',
    method: 'GET',
    path: 'servers/{slug}',
    permission: 'servers.read',
    query: Object.keys(detailSchema.shape),
    async handle({ actor, params: { slug = '' }, query }): Promise<Result<Answer>> {
      const asked = readQuery(query, detailSchema);
      if (!asked.ok) return asked;
      const stored = await visibleServers.find(actor.tenantId, slug);
      if (!stored) return fail({ kind: 'not_found', message: `there is no server "${slug}"` });
      const health = await readServerHealth(actor.tenantId, stored.value, healthDeps);
      const body = serverDetails(stored.value, actor.tenantId, health, asked.value.include);
      return succeed({ status: 200, headers: { etag: stored.etag }, body });
    },
  };

  /** Begins the plan of a change, and returns it when it has ended or the time of `?wait=` is over. */
  async function change(
    call: Call<unknown>,
    begin: (change: ServerChange, caller: Caller) => Promise<Result<Plan>>,
    defaultWait?: string,
  ): Promise<Result<Plan>> {
    const asker = askerOf(call, defaultWait);
    if (!asker.ok) return asker;
    const etag = call.headers.get('if-match') ?? '*';
    const target = { slug: call.params['slug'] ?? '', ...(etag !== '*' && { etag }) };
    const begun = await begin(target, asker.value.caller);
    return begun.ok ? succeed(await followPlan(begun.value, asker.value, plans)) : begun;
  }

  const update: Route<ServerContent> = {
    name: 'servers-update',
    method: 'PUT',
    path: 'servers/{slug}',
    permission: 'servers.write',
    query: waitParameter,
    isResumable: true,
    body: serverContentSchema,
    async handle(call) {
      const plan = await change(call, (target, caller) => updateServer(target, call.body, caller, deps));
      return plan.ok ? accepted(call, plan.value) : plan;
    },
  };

  const refresh: Route = {
    name: 'servers-refresh',
    method: 'POST',
    path: 'servers/{slug}/refresh',
    permission: 'servers.write',
    query: waitParameter,
    isResumable: true,
    async handle(call) {
      const plan = await change(call, (target, caller) => refreshServer(target, caller, deps));
      return plan.ok ? accepted(call, plan.value) : plan;
    },
  };

  const remove: Route = {
    name: 'servers-delete',
    method: 'DELETE',
    path: 'servers/{slug}',
    permission: 'servers.write',
    query: waitParameter,
    isResumable: true,
    async handle(call) {
      const begin = (target: ServerChange, caller: Caller) => removeServer(target, caller, deps);
      const plan = await change(call, begin, REMOVAL_WAIT_SECONDS);
      if (!plan.ok) return plan;
      if (plan.value.state === 'succeeded') return succeed({ status: 204 });
      const error = planError(plan.value);
      return error && hasEnded(plan.value)
        ? fail({ kind: error.kind === 'not_passed' ? 'internal' : error.kind, message: error.message })
        : accepted(call, plan.value);
    },
  };

  const resource = ({ params }: Call<unknown>) => `servers/${params['slug'] ?? ''}`;
  return [
    privileged(register, 'servers.register', ({ body }) => `servers/${body.slug}`, deps.audit),
    list,
    get,
    privileged(update, 'servers.update', resource, deps.audit),
    privileged(refresh, 'servers.refresh', resource, deps.audit),
    privileged(remove, 'servers.delete', resource, deps.audit),
  ];
}

/** The phase that each step of a registration completes. */
const phases: ReadonlyMap<string, string> = new Map([
  ['authenticate_admin', 'auth'],
  ['validate_server_config', 'validation'],
  ['update_registry', 'registration'],
  ['audit_registration', 'audit'],
]);

const completedPhases = ({ steps }: Plan): readonly string[] =>
  steps.flatMap(({ id, state }) => (state === 'succeeded' ? (phases.get(id) ?? []) : []));

/** Work that the caller waited for and that was rejected. */
const rejected = (message: string, members: Readonly<Record<string, unknown>>): Failure =>
  fail({ kind: 'rejected', message, members });

/** Returns the answer about the plan of a change, which says so if the change was rejected. */
function accepted({ params: { slug = '' } }: Call<unknown>, plan: Plan): Result<Answer> {
  const href = planHref(plan.id);
  const error = planError(plan);
  const shown = { id: plan.id, state: plan.state, error, href };
  if (error && hasEnded(plan)) return rejected(error.message, { slug, plan: shown });
  return succeed({ status: 202, headers: { location: href }, body: { slug, plan: shown } });
}
