import type { GatewayDeps, McpRequest } from './request.ts';
import { createMethods } from './methods.ts';
import { METHOD_NOT_FOUND } from './errorCodes.ts';
import { classify, type Refused } from './era.ts';
import { internalError } from './relay.ts';
import { jsonResponse } from './responses.ts';

/**
 * The MCP endpoint that fronts all active servers of the caller's tenant, for clients of both eras: Streamable HTTP of
 * 2025-03-26 to 2025-11-25 without sessions, and of 2026-07-28. Any instance answers any request. It takes POST only, always
 * answers, and never throws; errors are JSON-RPC errors. Answering may take as long as a call may, which is 100 seconds.
 */
export function createMcpEndpoint(deps: GatewayDeps): (request: McpRequest) => Promise<Response> {
  const methods = createMethods(deps);
  return async (request) => {
    const inbound = classify(request.headers, request.message);
    if (inbound.kind === 'taken') return new Response(null, { status: 202 });
    if (inbound.kind === 'refused') return refusal(inbound);
    const { era, message } = inbound;
    const method = methods[era].get(message.method);
    if (method === undefined) {
      const error = {
        code: METHOD_NOT_FOUND,
        message: `This endpoint has no method "${message.method.slice(0, 100)}".`,
      };
      // 2026-07-28, transports, Protocol Version Header: a 404. Before, it is an answer like others.
      return jsonResponse(era === 'modern' ? 404 : 200, message.id, { error });
    }
    try {
      return await method({ inbound, request });
    } catch (error) {
      const fields = { traceId: request.trace.traceId, tenantId: request.principal.tenantId };
      return jsonResponse(200, message.id, internalError(error, deps.log, fields));
    }
  };
}

function refusal({ status, id, error }: Refused): Response {
  return jsonResponse(status, id, { error });
}
