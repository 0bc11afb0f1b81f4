import { succeed } from '../../shared/platform/base/result.ts';
import type { Route } from './route.ts';

/** Says only that the app is up: for load balancers and other anonymous callers. */
export const healthRoute: Route = {
  name: 'health',
  method: 'GET',
  path: 'health',
  permission: 'anonymous',
  hosts: 'any',
  query: 'any',
  handle: () =>
    Promise.resolve(
      succeed({ status: 200, body: { status: 'up' }, headers: { 'cache-control': 'no-store' } }),
    ),
};
