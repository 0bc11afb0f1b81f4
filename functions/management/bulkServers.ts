import * as z from 'zod';
import { MAX_BULK_SERVERS } from '../../shared/orchestration/model/limits.ts';
import type { Plan } from '../../shared/orchestration/model/plan.ts';
import { registerServers } from '../../shared/orchestration/plans/bulkRegistration.ts';
import { invalidBySchema, type Result, succeed } from '../../shared/platform/base/result.ts';
import { type Registration, registrationSchema } from '../../shared/registry/records/server.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Call, Route } from '../http/route.ts';
import { delegationsOf } from './delegationsOf.ts';
import { planHref } from './plans.ts';
import { privileged } from './privileged.ts';
import { askerOf, followPlan, waitParameter } from './wait.ts';

const bulkSchema = z.strictObject({ servers: z.array(z.unknown()).min(1).max(MAX_BULK_SERVERS) });
type BulkRequest = z.infer<typeof bulkSchema>;

/** A server that was rejected before its registration began. */
export interface Refused {
  readonly slug?: string | undefined;
  /** Its name in an imported document. */
  readonly name?: string | undefined;
  readonly status: 'refused';
  readonly reason: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[] | undefined;
}

/** The route that registers many servers in one call, each with a result of its own. */
export function bulkServerRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const bulk: Route<BulkRequest> = {
    name: 'servers-bulk',
    method: 'POST',
    path: 'servers/bulk',
    permission: 'servers.write',
    query: waitParameter,
    isResumable: true,
    body: bulkSchema,
    handle(call) {
      const { registrations, refused } = validated(call.body.servers);
      return registerAll(call, registrations, refused, deps);
    },
  };
  return [privileged(bulk, 'servers.register', ({ body }) => `servers (${body.servers.length})`, deps.audit)];
}

/** Begins the registrations, and answers with the plan and with the results so far. */
export async function registerAll(
  call: Call<unknown>,
  registrations: readonly Registration[],
  refused: readonly Refused[],
  deps: AppDeps,
): Promise<Result<Answer>> {
  const asker = askerOf(call);
  if (!asker.ok) return asker;
  if (registrations.length === 0) return succeed({ status: 200, body: { servers: refused } });
  const begun = await registerServers(registrations, asker.value.caller, deps);
  if (!begun.ok) return begun;
  const plan = await followPlan(begun.value, asker.value, deps.plans);
  const { id, state } = plan;
  const href = planHref(id);
  const servers = [...(await resultsOf(plan, deps)), ...refused];
  const body = { plan: { id, state, href }, servers };
  return succeed({ status: 202, headers: { location: href }, body });
}

const resultSchema = z.object({ servers: z.array(z.unknown()) });

/** Returns the results of the steps that have ended, server by server. */
async function resultsOf(plan: Plan, { delegations }: AppDeps): Promise<unknown[]> {
  const found = await delegationsOf(plan, delegations);
  return [...found.values()].flatMap(({ outcome }) =>
    outcome?.success ? (resultSchema.safeParse(outcome.result).data?.servers ?? []) : [],
  );
}

/** Separates valid registrations from invalid and repeated ones. */
function validated(servers: readonly unknown[]): { registrations: Registration[]; refused: Refused[] } {
  const registrations = new Map<string, Registration>();
  const refused: Refused[] = [];
  servers.forEach((server, index) => {
    const parsed = registrationSchema.safeParse(server);
    if (!parsed.success) {
      const { message: reason, errors } = invalidBySchema(parsed.error, 'the server', [
        `servers.${index}`,
      ]).error;
      refused.push({ status: 'refused', reason, errors });
    } else if (registrations.has(parsed.data.slug)) {
      refused.push({
        slug: parsed.data.slug,
        status: 'refused',
        reason: 'an earlier server of this request has the same slug',
      });
    } else registrations.set(parsed.data.slug, parsed.data);
  });
  return { registrations: [...registrations.values()], refused };
}
