import * as z from 'zod';
import { fail, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Route } from '../http/route.ts';
import { privileged } from './privileged.ts';

const allocationSchema = z.strictObject({
  operation: z.string().max(100),
  /** Its fields depend on the operation. */
  estimatedLoad: z.unknown().default({}),
});
type AllocationBody = z.infer<typeof allocationSchema>;

const allocationHref = (id: string): string => `/resource-pools/allocations/${id}`;
const notFound = (id: string) => fail({ kind: 'not_found', message: `there is no allocation "${id}"` });

/** The resource pools, and what the caller's tenant holds of them. */
export function poolRoutes({
  pools,
  config,
  audit,
}: Pick<AppDeps, 'pools' | 'config' | 'audit'>): readonly Route<unknown>[] {
  const list: Route = {
    name: 'pools-list',
    method: 'GET',
    path: 'resource-pools',
    permission: 'pools.read',
    async handle({ actor: { tenantId } }) {
      return succeed({ status: 200, body: { items: await pools.usage({ tenantId, app: config.app }) } });
    },
  };

  const allocate: Route<AllocationBody> = {
    name: 'pools-allocate',
    method: 'POST',
    path: 'resource-pools/allocations',
    permission: 'pools.write',
    body: allocationSchema,
    async handle({ actor: { tenantId }, body }) {
      const allocated = await pools.allocate({ tenantId, app: config.app, ...body });
      if (!allocated.ok) return allocated;
      const headers = { location: allocationHref(allocated.value.id) };
      return succeed({ status: 201, headers, body: allocated.value });
    },
  };

  const get: Route = {
    name: 'pools-get-allocation',
    method: 'GET',
    path: 'resource-pools/allocations/{id}',
    permission: 'pools.read',
    async handle({ actor, params: { id = '' } }) {
      const found = await pools.find(actor.tenantId, id);
      return found ? succeed({ status: 200, body: found }) : notFound(id);
    },
  };

  const release: Route = {
    name: 'pools-release',
    method: 'DELETE',
    path: 'resource-pools/allocations/{id}',
    permission: 'pools.write',
    async handle({ actor, params: { id = '' } }) {
      const outcome = await pools.release(actor.tenantId, id);
      return outcome === 'released' ? succeed({ status: 204 }) : notFound(id);
    },
  };

  return [
    list,
    privileged(
      allocate,
      'pools.allocate',
      ({ body }) => `resource-pools/operations/${body.operation}`,
      audit,
    ),
    get,
    privileged(
      release,
      'pools.release',
      ({ params: { id = '' } }) => `resource-pools/allocations/${id}`,
      audit,
    ),
  ];
}
