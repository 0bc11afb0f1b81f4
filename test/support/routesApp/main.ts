/** An app whose routes go through the product's own wrapper, with functions that show what reaches them. */
import { app } from '@azure/functions';
import { z } from 'zod';
import { registerRoutes } from '../../../functions/http/register.ts';
import type { Call, Route } from '../../../functions/http/route.ts';
import { report } from '../../../infra/functions-host/test/support/sampleApp/report.ts';
import { eventResponse } from '../../../shared/gateway/protocol/sse.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { fakeHttpDeps } from '../httpDeps.ts';

app.setup({ enableHttpStream: true });

const ok = (body: unknown) => Promise.resolve(succeed({ status: 200, body }));
const seen = ({ headers, query }: Call<unknown>) =>
  ok({ headers: Object.fromEntries(headers), query: [...query] });
const anonymous = { method: 'GET', permission: 'anonymous' } as const;

const routes: readonly Route<unknown>[] = [
  { ...anonymous, name: 'seen', path: 'seen', handle: seen },
  { ...anonymous, name: 'limited', path: 'limited', isLimited: true, handle: seen },
  {
    name: 'seen-post',
    method: 'POST',
    path: 'seen',
    permission: 'anonymous',
    body: z.unknown(),
    handle: seen,
  },
  {
    name: 'guarded',
    method: 'POST',
    path: 'guarded',
    permission: 'servers.write',
    body: z.unknown(),
    handle: () => ok({ taken: true }),
  },
  {
    ...anonymous,
    name: 'parked',
    path: 'parked',
    async handle() {
      report('parked', undefined);
      // The test sends the host's process a message when this function may go on.
      await new Promise((resolve) => process.once('message', resolve));
      return ok({ went: 'on' });
    },
  },
  {
    ...anonymous,
    name: 'events',
    path: 'events',
    handle: () =>
      Promise.resolve(
        eventResponse({
          // Nothing happens upstream: the stream is silent until its client leaves.
          next: () => new Promise(() => undefined),
          cancel: () => {
            report('cancelled', undefined);
          },
        }),
      ),
  },
];

// The port of the host is not known here.
registerRoutes(
  routes.map((route) => ({ ...route, hosts: 'any' as const, query: 'any' as const })),
  fakeHttpDeps({
    limits: {
      // Every address but that of the test has used up its limit.
      takeOfAddress: (address) =>
        address?.endsWith('127.0.0.1') === true ? undefined : { retryAfterMs: 1_000, isNews: false },
      takeOfPrincipal: () => undefined,
    },
  }),
);
