import { z } from 'zod';
import { createMcpEndpoint } from '../../shared/gateway/endpoint.ts';
import { PARSE_ERROR, toJsonRpcError } from '../../shared/gateway/errorCodes.ts';
import type { DomainError } from '../../shared/platform/errors.ts';
import { toProblem } from '../../shared/platform/problem.ts';
import type { AppDeps } from '../compose.ts';
import type { Answer, Route } from '../http.ts';

/** A tool may take this long to begin its answer; Azure ends a request that is silent for more than 230 seconds. */
const DEADLINE_MS = 110_000;

/** The aggregate MCP endpoint: all servers of the caller's tenant behind one URL, for clients of both eras. */
export function endpointRoute(deps: AppDeps): Route<unknown> {
  const handleMessage = createMcpEndpoint({
    ...deps,
    onUpstreamFault: ({ tenantId, server, kind, trace }) => {
      if (kind !== 'not_mcp') return;
      deps.watch({ type: 'protocol_violation', tenantId, subject: server, detail: { server, kind }, trace });
    },
  });
  return {
    name: 'mcp',
    method: 'POST',
    path: 'mcp',
    permission: 'mcp.use',
    // The gateway's own reader judges the message: a schema would parse it a second time.
    body: z.unknown(),
    deadlineMs: DEADLINE_MS,
    wordError,
    handle: ({ headers, body, principal, trace, signal }) =>
      handleMessage({ headers, message: body, principal, trace, signal }),
  };
}

/** What is refused before there is a message: a JSON-RPC error without an id (JSON-RPC 2.0, section 5). */
function wordError(error: DomainError): Answer {
  const { code, message } = toJsonRpcError(error);
  return {
    status: toProblem(error).status,
    // At this point only JSON that cannot be parsed is invalid.
    body: {
      jsonrpc: '2.0',
      id: null,
      error: { code: error.kind === 'invalid' ? PARSE_ERROR : code, message },
    },
  };
}
