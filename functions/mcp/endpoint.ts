import * as z from 'zod';
import type { Front } from '../../shared/gateway/calls/call.ts';
import { createMcpEndpoints } from '../../shared/gateway/calls/endpoint.ts';
import type { BuiltInTools } from '../../shared/gateway/catalogue/builtInTools.ts';
import { PARSE_ERROR, toJsonRpcError } from '../../shared/gateway/protocol/errorCodes.ts';
import { resourceAt } from '../../shared/identity/tokens/resources.ts';
import type { DomainError } from '../../shared/platform/base/errors.ts';
import { parseExactJson } from '../../shared/platform/base/exactJson.ts';
import { lazily } from '../../shared/platform/base/lazily.ts';
import { toProblem } from '../../shared/platform/http/problem.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Answer, Call, Route } from '../http/route.ts';
import { endpointPaths } from './endpointPaths.ts';
import { challengeAt } from './protectedResource.ts';

/** The time until a tool begins its answer. Azure ends a request that is silent for more than 230 seconds. */
const DEADLINE_MS = 110_000;

/** The paths of the endpoints, and the servers behind each. */
const places: readonly {
  readonly name: string;
  readonly path: string;
  readonly front: (params: Readonly<Record<string, string>>) => Front;
}[] = [
  { name: 'mcp', path: endpointPaths.mcp, front: () => ({ kind: 'all' }) },
  {
    name: 'mcp-server',
    path: endpointPaths.server,
    front: ({ slug = '' }) => ({ kind: 'server', slug }),
  },
  {
    name: 'mcp-toolset',
    path: endpointPaths.toolset,
    front: ({ slug = '' }) => ({ kind: 'toolset', slug }),
  },
];

/**
 * The MCP endpoints: all servers of the caller's tenant behind one URL, each server and each toolset behind its own; for clients
 * of both eras.
 */
export function endpointRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const endpoints = createMcpEndpoints({
    ...deps,
    builtInTools: lazyBuiltInTools(deps),
    onUpstreamFault: ({ tenantId, server, kind, trace }) => {
      if (kind !== 'not_mcp') return;
      deps.watch({ type: 'protocol_violation', tenantId, subject: server, detail: { server, kind }, trace });
    },
  });
  return places.flatMap(({ name, path, front }): Route<unknown>[] => {
    const shared = {
      path,
      permission: 'mcp.use',
      query: 'any',
      formatError,
      resource: ({ slug = '' }: Call<unknown>['params'], query: URLSearchParams) =>
        resourceAt(deps.config.publicOrigin, path.replace('{slug}', slug), query),
      challenge: ({ slug = '' }: Call<unknown>['params'], query: URLSearchParams) =>
        challengeAt(deps.config.publicOrigin, path.replace('{slug}', slug), query),
    } as const;
    return [
      {
        ...shared,
        name,
        method: 'POST',
        // `classify` checks the message. A schema would parse it a second time.
        body: z.unknown(),
        parseBody: parseExactJson,
        deadlineMs: DEADLINE_MS,
        handle: ({ params, body, headers, actor, trace, signal }) =>
          endpoints.post({ headers, actor, trace, signal, front: front(params), message: body }),
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

/** Words an error that occurs before the message is read: a JSON-RPC error without an id (JSON-RPC 2.0, section 5). */
function formatError(error: DomainError): Answer {
  const { code, message } = toJsonRpcError(error);
  return {
    status: toProblem(error).status,
    // Before the message is read, `invalid` means JSON that cannot be parsed.
    body: {
      jsonrpc: '2.0',
      id: null,
      error: { code: error.kind === 'invalid' ? PARSE_ERROR : code, message },
    },
  };
}

/** The built-in tools. Their code is imported with the first list or call, so that a cold start does not load it. */
function lazyBuiltInTools(deps: AppDeps): BuiltInTools {
  const open = lazily(() => import('./builtInTools/index.ts').then((room) => room.openBuiltInTools(deps)));
  return {
    list: async (actor) => (await open()).list(actor),
    call: async (name, args, call) => (await open()).call(name, args, call),
  };
}
