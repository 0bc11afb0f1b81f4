import { succeed } from '../../shared/platform/base/result.ts';
import type { Route } from './route.ts';

/** Up or not, and nothing else: for load balancers and for whoever may not know more. */
export const healthRoute: Route = {
  name: 'health',
  method: 'GET',
  path: 'health',
  permission: 'anonymous',
  hosts: 'any',
  handle: () =>
    Promise.resolve(
      succeed({ status: 200, body: { status: 'up' }, headers: { 'cache-control': 'no-store' } }),
    ),
};
