import { expect, test } from 'vitest';
import type { ActiveServer } from '../../../shared/gateway/catalogue/catalogue.ts';
import type { View } from '../../../shared/gateway/catalogue/view.ts';
import { type FeedDeps, openFeed } from '../../../shared/gateway/listen/feed.ts';
import { modernClient } from '../../../shared/gateway/protocol/modernClient.ts';
import type { UpstreamCaller } from '../../../shared/gateway/upstream/connection.ts';
import { continueTrace } from '../../../shared/platform/telemetry/trace.ts';
import { discoveryOf } from '../../support/handmadeUpstream.ts';
import { serverRecord } from '../../support/serverRecord.ts';

test('a client that leaves while its stream is opened leaves none at a server', async () => {
  const capabilities = { tools: { listChanged: true } };
  const discovery = { ...discoveryOf('modern'), capabilities };
  const server = { ...serverRecord({ slug: 'one' }), discovery } as ActiveServer;
  const { promise: servers, resolve: answer } = Promise.withResolvers<readonly ActiveServer[]>();
  const view = {
    listensForLists: true,
    current: () => Promise.resolve(undefined),
    servers: () => servers,
  } as Partial<View> as View;
  let opened = 0;
  const connector: FeedDeps['connector'] = {
    // eslint-disable-next-line require-yield -- a server that sends nothing
    async *listen() {
      opened += 1;
      await Promise.resolve();
    },
  };
  const version = () => Promise.resolve('1');
  const deps = { connector, version } as Partial<FeedDeps> as FeedDeps;
  const caller = { actor: { tenantId: 't1' } } as UpstreamCaller;
  const wanted = { tools: true, prompts: false, resources: false, uris: new Map(), called: [] };
  const feed = openFeed(
    deps,
    view,
    modernClient,
    caller,
    continueTrace(undefined),
    () => Promise.resolve(wanted),
    () => undefined,
  );
  feed.close();
  answer([server]);
  await feed.ready;
  expect(opened).toBe(0);
});
