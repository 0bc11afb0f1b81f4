import { z } from 'zod';
import { createMcpEndpoint } from '../../shared/gateway/endpoint.ts';
import type { AppDeps } from '../compose.ts';
import type { Route } from '../http.ts';

/** A tool may take this long to begin its answer; the host and Azure's front end end a request that is silent for longer than 230 s. */
const deadlineMs = 110_000;

/** The aggregate MCP endpoint: all servers of the caller's tenant behind one URL, for clients of both eras. */
export function endpointRoute(deps: AppDeps): Route<unknown> {
  const handleMessage = createMcpEndpoint(deps);
  return {
    name: 'mcp',
    method: 'POST',
    path: 'mcp',
    permission: 'mcp.use',
    // The message is judged by the gateway's own reader: a schema would parse it a second time.
    body: z.unknown(),
    deadlineMs,
    handle: ({ headers, body, principal, trace, signal }) =>
      handleMessage({ headers, message: body, principal, trace, signal }),
  };
}
