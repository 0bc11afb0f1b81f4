import { andThen, type Awaitable } from '../../platform/base/awaitable.ts';
import { createFairQueue } from '../../platform/concurrency/fairQueue.ts';
import { createTenantPlaces } from '../../platform/concurrency/tenantShare.ts';
import { OWN_SLUG } from '../../registry/records/server.ts';
import { AggregateView } from '../catalogue/aggregateView.ts';
import { builtInToolsView } from '../catalogue/builtInToolsView.ts';
import { type Catalogue, createCatalogue } from '../catalogue/catalogue.ts';
import { createPersonalCatalogue } from '../catalogue/personalCatalogue.ts';
import { createRefresh } from '../catalogue/refresh.ts';
import { serverView } from '../catalogue/serverView.ts';
import { toolsetView } from '../catalogue/toolsetView.ts';
import type { View } from '../catalogue/view.ts';
import { createClientStreams } from '../listen/clientStreams.ts';
import type { FeedDeps } from '../listen/feed.ts';
import type { Feeds } from '../listen/listen.ts';
import { MAX_CLIENT_STREAMS, MAX_DISCOVERIES } from '../protocol/limits.ts';
import { type ClientSessions, createClientSessions } from '../session/clientSessions.ts';
import { createHeldCalls, type HeldCalls } from '../session/heldCalls.ts';
import { createServerRequests, type ServerRequests } from '../session/serverRequests.ts';
import { type CircuitBreaker, createCircuitBreaker } from '../upstream/circuitBreaker.ts';
import { type Connector, createConnector } from '../upstream/connector.ts';
import { createProtection } from '../upstream/protection.ts';
import { type GatewayDeps, type McpRequest, signedInWith } from './call.ts';
import { type Cancellations, createCancellations } from './cancellation.ts';

/** The parts of the data path. An app creates them once. */
export interface Parts extends GatewayDeps, FeedDeps {
  readonly sessions: ClientSessions;
  readonly serverRequests: ServerRequests;
  readonly heldCalls: HeldCalls;
  readonly connector: Connector;
  readonly cancellations: Cancellations;
  readonly feeds: Feeds;
  readonly find: Catalogue['find'];
  readonly isDisabled: Catalogue['isDisabled'];
  readonly circuitBreaker: CircuitBreaker;
  /** Returns the view of the endpoint that a request names; `undefined` when there is none. */
  readonly viewOf: (request: McpRequest) => Awaitable<View | undefined>;
}

export function createParts(deps: GatewayDeps): Parts {
  const { shortLived: state, clock, newId, seal, noteHealth } = deps;
  const tenants = deps.tenants.size;
  const catalogue = createCatalogue(deps);
  const circuitBreaker = createCircuitBreaker({ state, clock, noteHealth });
  const discoveries = createFairQueue(MAX_DISCOVERIES, tenants);
  const serverRequests = createServerRequests({ state, seal });
  const refresh = createRefresh({ ...deps, discoveries }, catalogue.invalidate);
  return {
    ...deps,
    sessions: createClientSessions({ state, clock, newId, seal }),
    serverRequests,
    heldCalls: createHeldCalls({ state, seal, serverRequests, tenants }),
    connector: createConnector(deps.outboundTo, newId, createProtection(circuitBreaker, tenants)),
    circuitBreaker,
    cancellations: createCancellations({ state, clock }),
    feeds: new Map(),
    refresh,
    find: catalogue.find,
    isDisabled: catalogue.isDisabled,
    streams: createClientStreams(createTenantPlaces(MAX_CLIENT_STREAMS, tenants)),
    version: (tenantId) => deps.visibleServers.version(tenantId),
    viewOf: viewFinder(catalogue, createPersonalCatalogue({ ...deps, discoveries, refresh }), deps),
  };
}

function viewFinder(
  everybodys: Catalogue,
  personal: ReturnType<typeof createPersonalCatalogue>,
  { builtInTools }: Pick<GatewayDeps, 'builtInTools'>,
): Parts['viewOf'] {
  return (request) => {
    const { front, actor } = request;
    const { tenantId } = actor;
    const catalogue = personal(everybodys, () => signedInWith(request));
    if (front.kind === 'all') return new AggregateView(catalogue, actor, builtInTools);
    if (front.kind === 'toolset')
      return andThen(
        catalogue.toolset(tenantId, front.slug),
        (toolset) => toolset && toolsetView(toolset, catalogue),
      );
    if (front.slug === OWN_SLUG) return builtInTools && builtInToolsView(builtInTools, actor);
    return andThen(
      catalogue.find(tenantId, front.slug),
      (server) => server && serverView(server, catalogue, tenantId),
    );
  };
}
