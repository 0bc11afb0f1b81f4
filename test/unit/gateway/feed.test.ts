import { expect, test } from 'vitest';
import { type HubDeps, openHub } from '../../../shared/gateway/listen/feed.ts';
import type { Caller } from '../../../shared/gateway/upstream/connection.ts';
import type { ActiveServer } from '../../../shared/gateway/catalogue/catalogue.ts';
import type { View } from '../../../shared/gateway/catalogue/view.ts';
import { continueTrace } from '../../../shared/platform/telemetry/trace.ts';
import { discoveryOf } from '../../support/handmadeUpstream.ts';
import { serverRecord } from '../../support/serverRecord.ts';

test('a client that leaves while its stream is opened leaves none at a server', async () => {
  const capabilities = { tools: { listChanged: true } };
  const discovery = { ...discoveryOf('modern'), capabilities };
  const server = { ...serverRecord({ slug: 'one' }), discovery } as ActiveServer;
  const { promise: servers, resolve: answer } = Promise.withResolvers<readonly ActiveServer[]>();
  const view = {
    hearsListsOfServers: true,
    current: () => Promise.resolve(undefined),
    servers: () => servers,
  } as Partial<View> as View;
  let opened = 0;
  const guard: HubDeps['guard'] = {
    takeStream: () => {
      opened += 1;
      return () => undefined;
    },
  };
  const version = () => Promise.resolve('1');
  const deps = { guard, version } as Partial<HubDeps> as HubDeps;
  const caller = { principal: { tenantId: 't1' } } as Caller;
  const wanted = { tools: true, prompts: false, resources: false, uris: new Map(), called: [] };
  const hub = openHub(
    deps,
    view,
    caller,
    continueTrace(undefined),
    () => Promise.resolve(wanted),
    () => undefined,
  );
  hub.close();
  answer([server]);
  await hub.ready;
  expect(opened).toBe(0);
});
