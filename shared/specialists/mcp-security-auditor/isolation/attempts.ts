import type { Front } from '../../../gateway/calls/call.ts';
import { createMcpEndpoints } from '../../../gateway/calls/endpoint.ts';
import { LATEST_LEGACY } from '../../../gateway/protocol/versions.ts';
import type { Session } from '../../../identity/sessions/sessionStore.ts';
import type { TaskHelpers } from '../../../orchestration/tasks/task.ts';
import { continueTrace } from '../../../platform/telemetry/trace.ts';
import { callEndpoint, tokenFor, tracedHeaders } from '../../callEndpoint.ts';
import type { ForeignRecords, IsolationDeps } from './foreignRecords.ts';

/** One way to reach a record. It must succeed for the tenant of the record, or it proves nothing, and fail for any other. */
export interface Attempt {
  readonly what: string;
  readonly by: 'store' | 'gateway' | 'http';
  /** Whether a caller of this tenant reaches the record. */
  readonly reaches: (tenantId: string) => Promise<boolean>;
}

const PAGE = 100;

/** Returns every read of the stores that takes a tenant: of a record, and of lists that could hold it. */
export function storeAttempts(
  { server, toolset, delegation, plan, mark }: ForeignRecords,
  session: Session,
  { servers, visibleServers, toolsets, delegations, plans, sessions }: IsolationDeps,
): readonly Attempt[] {
  const search = { search: mark };
  const found = (what: string, find: (tenantId: string) => Promise<unknown>): Attempt => ({
    what,
    by: 'store',
    reaches: async (tenantId) => (await find(tenantId)) !== undefined,
  });
  const listed = (
    what: string,
    list: (tenantId: string) => Promise<{ readonly items: readonly object[] }>,
  ): Attempt => ({
    what,
    by: 'store',
    reaches: async (tenantId) => JSON.stringify((await list(tenantId)).items).includes(mark),
  });
  return [
    found('server', (tenantId) => servers.find(tenantId, server.slug)),
    listed('list of servers', (tenantId) => servers.list(tenantId, search, PAGE, before(server.slug))),
    found('server among the visible ones', (tenantId) => visibleServers.find(tenantId, server.slug)),
    listed('list of visible servers', (tenantId) =>
      visibleServers.list(tenantId, search, PAGE, before(server.slug)),
    ),
    found('toolset', (tenantId) => toolsets.find(tenantId, toolset.slug)),
    listed('list of toolsets', (tenantId) => toolsets.list(tenantId, PAGE, before(toolset.slug))),
    found('delegation', (tenantId) => delegations.find(tenantId, delegation.id)),
    listed('list of delegations', (tenantId) => delegations.list(tenantId, { planId: mark }, PAGE)),
    found('plan', (tenantId) => plans.find(tenantId, plan.id)),
    listed('list of plans', (tenantId) => plans.list(tenantId, { name: mark }, PAGE)),
    found('session', (tenantId) => sessions.find(tenantId, session.id)),
    found('rights of a session', (tenantId) => sessions.authContext(tenantId, session.id)),
    found('token of a session', (tenantId) => sessions.token(tenantId, session.id)),
  ];
}

/** Returns a cursor just before this slug. */
const before = (slug: string): string => slug.slice(0, -1);

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly session: string | null;
}

/** Returns the calls of the MCP endpoints, in process, as a caller of a given tenant. No upstream server is called. */
export async function gatewayAttempts(
  { actor, server, toolset, mark }: ForeignRecords,
  deps: IsolationDeps,
  signal: AbortSignal,
): Promise<readonly Attempt[]> {
  // No tool is called, and the made-up tenant must get no audit trail.
  const endpoints = createMcpEndpoints({
    ...deps,
    noteHealth: () => undefined,
    audit: { append: () => undefined },
  });
  const ask = async (
    tenantId: string,
    front: Front,
    method: string,
    session?: string,
    params: object = {},
  ): Promise<Answered> => {
    const response = await endpoints.post({
      front,
      message: { jsonrpc: '2.0', id: 1, method, params },
      headers: new Headers({
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-protocol-version': LATEST_LEGACY,
        ...(session !== undefined && { 'mcp-session-id': session }),
      }),
      actor: { ...actor, tenantId },
      trace: continueTrace(undefined),
      signal,
    });
    return {
      status: response.status,
      text: await response.text(),
      session: response.headers.get('mcp-session-id'),
    };
  };
  const all: Front = { kind: 'all' };
  const hello = {
    protocolVersion: LATEST_LEGACY,
    capabilities: {},
    clientInfo: { name: mark, version: '1' },
  };
  const opened = await ask(actor.tenantId, all, 'initialize', undefined, hello);
  const attempt = (what: string, reaches: Attempt['reaches']): Attempt => ({ what, by: 'gateway', reaches });
  return [
    attempt("tools at the server's endpoint", async (tenantId) => {
      const { status, text } = await ask(tenantId, { kind: 'server', slug: server.slug }, 'tools/list');
      return status === 200 && text.includes(mark);
    }),
    attempt('tools at the endpoint of all servers', async (tenantId) =>
      (await ask(tenantId, all, 'tools/list')).text.includes(mark),
    ),
    attempt("the toolset's endpoint", async (tenantId) => {
      const { status } = await ask(tenantId, { kind: 'toolset', slug: toolset.slug }, 'tools/list');
      return status === 200;
    }),
    attempt('session of an MCP client', async (tenantId) => {
      const { status } = await ask(tenantId, all, 'ping', opened.session ?? 'none');
      return status === 200;
    }),
  ];
}

const HTTP_WITHIN_MS = 10_000;
const listTools = '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}';

interface HttpRequest {
  readonly what: string;
  readonly url: string;
  readonly body?: string;
  /** A list, which every tenant has, but which must not hold the record. */
  readonly isList?: true;
}

/** How the apps answered a caller of the caller's tenant. */
export interface HttpOutcome {
  readonly asked: number;
  /** What the roles of the caller do not allow. */
  readonly closed: readonly string[];
  readonly leaks: readonly string[];
  /** Answers that prove nothing. */
  readonly unknown: readonly {
    readonly what: string;
    readonly status?: number | undefined;
    readonly reason: string;
  }[];
}

/** Requests the foreign records from both apps with the token of the session. */
export async function httpAttempts(
  { server, toolset, delegation, plan, mark }: ForeignRecords,
  session: Session,
  token: string,
  { signal, traceId }: Pick<TaskHelpers, 'signal' | 'traceId'>,
  { config, outbound }: IsolationDeps,
): Promise<HttpOutcome> {
  const { managementOrigin: management, publicOrigin: mcp } = config;
  const requests: readonly HttpRequest[] = [
    { what: 'server', url: `${management}/servers/${server.slug}` },
    { what: 'list of servers', url: `${management}/servers?search=${mark}`, isList: true },
    { what: 'toolset', url: `${management}/toolsets/${toolset.slug}` },
    { what: 'delegation', url: `${management}/delegations/${delegation.id}` },
    { what: 'list of delegations', url: `${management}/delegations?plan=${mark}`, isList: true },
    { what: 'plan', url: `${management}/plans/${plan.id}` },
    { what: 'session', url: `${management}/sessions/${session.id}` },
    { what: "tools at the server's endpoint", url: `${mcp}/servers/${server.slug}/mcp`, body: listTools },
    { what: "the toolset's endpoint", url: `${mcp}/toolsets/${toolset.slug}/mcp`, body: listTools },
    { what: 'tools at the endpoint of all servers', url: `${mcp}/mcp`, body: listTools, isList: true },
  ];
  // The URL of an MCP endpoint is its resource.
  const allowed = requests.filter(({ url }) =>
    tokenFor(url.startsWith(`${mcp}/`) ? url : management, token, config),
  );
  const answers = await Promise.all(
    allowed.map(async ({ what, url, body, isList }) => {
      const called = await callEndpoint(outbound, {
        method: body === undefined ? 'GET' : 'POST',
        url,
        ...(body !== undefined && { body }),
        token,
        headers: { ...tracedHeaders(traceId), accept: 'application/json, text/event-stream' },
        signal: AbortSignal.any([signal, AbortSignal.timeout(HTTP_WITHIN_MS)]),
      });
      if (!called.ok) return { what, status: undefined, leaks: false, reason: called.error.message };
      const { status, body: answer } = called.value;
      // An error may repeat the requested slug, but a list must not hold it.
      const leaks = status === 200 && (isList !== true || JSON.stringify(answer ?? '').includes(mark));
      return { what, status, leaks, reason: '' };
    }),
  );
  return {
    asked: answers.length,
    closed: answers.filter(({ status }) => status === 403).map(({ what }) => what),
    leaks: answers.filter(({ leaks }) => leaks).map(({ what }) => what),
    unknown: answers.filter(({ status }) => status === undefined || status === 401 || status >= 500),
  };
}
