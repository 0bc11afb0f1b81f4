import { z } from 'zod';
import { createMcpEndpoints } from '../../shared/gateway/calls/endpoint.ts';
import { PARSE_ERROR, toJsonRpcError } from '../../shared/gateway/protocol/errorCodes.ts';
import type { Front } from '../../shared/gateway/calls/request.ts';
import type { DomainError } from '../../shared/platform/base/errors.ts';
import { toProblem } from '../../shared/platform/http/problem.ts';
import type { AppDeps } from '../compose/compose.ts';
import type { Answer, Call, Route } from '../http/route.ts';
import { lazyOwnTools } from './lazyBuiltInTools.ts';
import { metadataUrl } from './protectedResource.ts';

/** A tool may take this long to begin its answer; Azure ends a request that is silent for more than 230 seconds. */
const DEADLINE_MS = 110_000;

/** Where the endpoints are, and what each fronts. */
const places: readonly {
  readonly name: string;
  readonly path: string;
  readonly front: (params: Readonly<Record<string, string>>) => Front;
}[] = [
  { name: 'mcp', path: 'mcp', front: () => ({ kind: 'all' }) },
  {
    name: 'mcp-server',
    path: 'servers/{slug}/mcp',
    front: ({ slug = '' }) => ({ kind: 'server', slug }),
  },
  {
    name: 'mcp-toolset',
    path: 'toolsets/{slug}/mcp',
    front: ({ slug = '' }) => ({ kind: 'toolset', slug }),
  },
];

/** The MCP endpoints: all servers of the caller's tenant behind one URL, each server and each toolset behind its own; for clients of both eras. */
export function endpointRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const endpoints = createMcpEndpoints({
    ...deps,
    ownTools: lazyOwnTools(deps),
    onUpstreamFault: ({ tenantId, server, kind, trace }) => {
      if (kind !== 'not_mcp') return;
      deps.watch({ type: 'protocol_violation', tenantId, subject: server, detail: { server, kind }, trace });
    },
  });
  return places.flatMap(({ name, path, front }): Route<unknown>[] => {
    const shared = {
      path,
      permission: 'mcp.use',
      wordError,
      resourceMetadata: (params: Call<unknown>['params'], query: URLSearchParams) =>
        metadataUrl(
          deps.config.publicOrigin,
          path.replace('{slug}', encodeURIComponent(params['slug'] ?? '')),
          query,
        ),
    } as const;
    return [
      {
        ...shared,
        name,
        method: 'POST',
        // The gateway's own reader judges the message: a schema would parse it a second time.
        body: z.unknown(),
        deadlineMs: DEADLINE_MS,
        handle: ({ params, body, ...request }) =>
          endpoints.post({ ...request, front: front(params), message: body }),
      },
      {
        ...shared,
        name: `${name}-listen`,
        method: 'GET',
        handle: ({ params, ...request }) => endpoints.listen({ ...request, front: front(params) }),
      },
      {
        ...shared,
        name: `${name}-end-session`,
        method: 'DELETE',
        handle: ({ params, ...request }) => endpoints.remove({ ...request, front: front(params) }),
      },
    ];
  });
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
