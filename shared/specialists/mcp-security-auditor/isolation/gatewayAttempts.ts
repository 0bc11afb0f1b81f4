import { createMcpEndpoints } from '../../../gateway/calls/endpoint.ts';
import { LATEST_LEGACY } from '../../../gateway/protocol/versions.ts';
import type { Front } from '../../../gateway/calls/request.ts';
import { continueTrace } from '../../../platform/telemetry/trace.ts';
import type { Attempt } from './attempts.ts';
import type { IsolationDeps, StrangersRecords } from './foreignRecords.ts';

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly session: string | null;
}

/** The MCP endpoints as the app has them, asked as somebody of either tenant. No server is connected to. */
export async function gatewayAttempts(
  { principal, server, toolset, mark }: StrangersRecords,
  deps: IsolationDeps,
  signal: AbortSignal,
): Promise<readonly Attempt[]> {
  // Nothing is called, and there must be no trail of a tenant that there is not.
  const endpoints = createMcpEndpoints({ ...deps, audit: { append: () => undefined } });
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
      principal: { ...principal, tenantId },
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
  const opened = await ask(principal.tenantId, all, 'initialize', undefined, hello);
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
