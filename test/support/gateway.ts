import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AuditEvent } from '../../shared/audit/model/record.ts';
import type { Front } from '../../shared/gateway/calls/call.ts';
import { createMcpEndpoints, type McpEndpoints } from '../../shared/gateway/calls/endpoint.ts';
import type { BuiltInTools } from '../../shared/gateway/catalogue/builtInTools.ts';
import { discoverForAll } from '../../shared/gateway/catalogue/discoverForAll.ts';
import { createOutboundTo } from '../../shared/gateway/upstream/outboundTo.ts';
import { createHealthNotes } from '../../shared/gateway/upstream/serverHealth.ts';
import { type Actor, type Role, roles } from '../../shared/identity/access/actor.ts';
import type { Connections } from '../../shared/identity/credentials/connections.ts';
import type { ExchangeToken } from '../../shared/identity/credentials/tokenExchange.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { parseExactJson } from '../../shared/platform/base/exactJson.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import { StreamResponse, TextResponse } from '../../shared/platform/http/responses.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import type { StateStore } from '../../shared/platform/state/stateStore.ts';
import type { Log, LogEvent, LogFields } from '../../shared/platform/telemetry/log.ts';
import { continueTrace } from '../../shared/platform/telemetry/trace.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import { versionedStore } from '../../shared/registry/records/registryVersion.ts';
import type { ServerRecord } from '../../shared/registry/records/server.ts';
import type { ServerStore } from '../../shared/registry/records/serverStore.ts';
import { createVisibleServers } from '../../shared/registry/records/visibleServers.ts';
import { azureTableToolsetStore } from '../../shared/registry/toolsets/azureTableToolsetStore.ts';
import type { ToolsetStore } from '../../shared/registry/toolsets/toolset.ts';
import { testCredentials } from './credentials.ts';
import { memoryState } from './memoryState.ts';
import { memoryTables } from './memoryTables.ts';
import { testSeal } from './seal.ts';
import { serve, type Served } from './serve.ts';
import { serverRecord } from './serverRecord.ts';
import { chunksOf } from './streamed.ts';

export const tenantId = '11111111-1111-4111-8111-111111111111';
/** A tenant that shares some of its servers. */
export const SHARER = '99999999-9999-4999-8999-999999999999';
/** A tenant that has no servers of its own. */
export const GUEST = '22222222-2222-4222-8222-222222222222';
export const actor = (userId = 'alice', role: Role = 'User', tenant = tenantId): Actor => ({
  tenantId: tenant,
  userId,
  kind: 'user',
  clientId: 'test-client',
  roles: [role],
  expiresAt: Date.now() + 3_600_000,
});

export interface RecordingLog extends Log {
  readonly lines: { readonly event: LogEvent; readonly fields: LogFields }[];
}
export function recordingLog(): RecordingLog {
  const lines: RecordingLog['lines'] = [];
  const write = (event: LogEvent, fields: LogFields) => void lines.push({ event, fields });
  return { lines, info: write, warn: write, error: write };
}

export interface TestGateway extends Served {
  readonly servers: ServerStore;
  readonly toolsets: ToolsetStore;
  /** The endpoint of one server. */
  urlOf(slug: string): string;
  readonly log: RecordingLog;
  /** What was recorded for the audit trail. */
  readonly audited: AuditEvent[];
  /** Probes a server and registers it as active, or registers what is given as its discovery. */
  register(slug: string, url: string, patch?: Partial<ServerRecord>): Promise<void>;
  withdraw(slug: string): Promise<void>;
}

/** The endpoint behind a plain HTTP adapter; `x-user` says who calls, `x-role` with which role, `x-tenant` of which tenant. */
export async function startGateway(
  state: StateStore = memoryState(),
  servers: ServerStore = versionedStore(azureTableServerStore(memoryTables()), state, randomId),
  credentials: Config['credentials'] = {},
  exchange?: ExchangeToken,
  builtInTools?: BuiltInTools,
  connections?: Connections,
): Promise<TestGateway> {
  const toolsets = versionedStore(azureTableToolsetStore(memoryTables()), state, randomId);
  const outbound = openOutboundClient('private_allowed');
  const own = testCredentials(credentials, [tenantId, SHARER], exchange, systemClock, { connections });
  const outboundTo = createOutboundTo(outbound, own, testSeal);
  const log = recordingLog();
  const audited: AuditEvent[] = [];
  let aheadMs = 0;
  const clock = { now: () => new Date(Date.now() + aheadMs) };
  const endpoints = createMcpEndpoints({
    servers,
    visibleServers: createVisibleServers({ servers, state, newId: randomId, operatorTenant: SHARER }),
    toolsets,
    outboundTo,
    noteHealth: createHealthNotes({ state, clock }),
    credentials: own,
    clock,
    newId: randomId,
    shortLived: state,
    seal: testSeal,
    tenants: new Set([tenantId, SHARER, GUEST]),
    log,
    audit: { append: (event) => void audited.push(event) },
    ...(builtInTools && { builtInTools }),
  });
  const served = await serve((request, response) => {
    void answer(request, response, endpoints);
  });
  return {
    ...served,
    servers,
    toolsets,
    urlOf: (slug) => served.url.replace('/mcp', `/servers/${slug}/mcp`),
    log,
    audited,
    async register(slug, url, patch = {}) {
      const found = patch.discovery
        ? { ok: true as const, value: patch.discovery }
        : await discoverForAll(
            { tenantId, slug, url, ...patch },
            { outboundTo, clock: systemClock, credentials: own },
            AbortSignal.timeout(10_000),
          );
      if (!found.ok) throw new Error(found.error.message);
      await servers.add(serverRecord({ tenantId, slug, url, title: slug, discovery: found.value, ...patch }));
    },
    async withdraw(slug) {
      const stored = await servers.find(tenantId, slug);
      if (stored) await servers.remove(stored.value, stored.etag);
      // An instance may remember a server for two seconds.
      aheadMs += 2_000;
    },
    async close() {
      await served.close();
      await outbound.close();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  endpoints: McpEndpoints,
): Promise<void> {
  const headers = new Headers();
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  // As the admission of the app does it.
  if (headers.has('origin')) {
    response.writeHead(403).end();
    return;
  }
  let message: unknown;
  try {
    message = request.method === 'POST' ? parseExactJson(await text(request)) : undefined;
  } catch {
    response.writeHead(400).end();
    return;
  }
  // As the wrapper of the app does it.
  const left = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) left.abort();
  });
  const [, place, slug = ''] = /^\/(server|toolset)s\/([^/]+)\/mcp$/.exec(request.url ?? '') ?? [];
  const kind = place === 'server' || place === 'toolset' ? place : undefined;
  const front: Front = kind ? { kind, slug } : { kind: 'all' };
  const call = {
    headers,
    front,
    actor: actor(
      headers.get('x-user') ?? undefined,
      roles.find((role) => role === headers.get('x-role')),
      headers.get('x-tenant') ?? undefined,
    ),
    trace: continueTrace(headers.get('traceparent')),
    signal: left.signal,
  };
  const result =
    request.method === 'DELETE'
      ? await endpoints.remove(call)
      : request.method === 'GET'
        ? await endpoints.listen(call)
        : await endpoints.post({ ...call, message });
  response.writeHead(result.status, Object.fromEntries(result.headers));
  if (result instanceof StreamResponse) {
    const chunks = chunksOf(result);
    response.on('close', () => void chunks.return());
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
      response.write(next.value);
  }
  response.end(result instanceof TextResponse ? result.content : undefined);
}

/** Where the data path records its calls, for tests that do not look there. */
export const unheardAudit = { append: (): void => undefined };
