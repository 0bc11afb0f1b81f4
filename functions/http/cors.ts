/** The web origins whose pages may read answers: `any` for public answers, else the configured origins. */
export type AllowedOrigins = 'any' | ReadonlySet<string>;

const exposed = 'WWW-Authenticate, Location, ETag, Retry-After, Mcp-Session-Id, X-Request-Id';
/** Any header, because MCP servers define their own. The asterisk does not cover Authorization. */
const accepted = '*, Authorization';

/**
 * Lets a page of an allowed origin read the answer. An answer that depends on the origin has `Vary`, also for callers without an
 * origin, so that no cache gives a page the answer of another. Source: the Fetch standard, "CORS protocol and HTTP caches".
 */
export function letPagesRead(response: Response, origin: string | null, allowed: AllowedOrigins): Response {
  const { headers } = response;
  if (allowed !== 'any') headers.append('vary', 'Origin');
  if (allowed === 'any' || (origin !== null && allowed.has(origin))) {
    headers.set('access-control-allow-origin', allowed === 'any' ? '*' : (origin ?? ''));
    headers.set('access-control-expose-headers', exposed);
  }
  return response;
}

/**
 * Lets pages of every origin read the answer, with the exact headers that clients of a registry expect:
 * https://docs.github.com/en/copilot/how-tos/administer-copilot/manage-mcp-usage/configure-mcp-registry
 */
export function letEveryPageRead(response: Response): Response {
  response.headers.set('access-control-allow-methods', 'GET, OPTIONS');
  response.headers.set('access-control-allow-headers', 'Authorization, Content-Type');
  return letPagesRead(response, null, 'any');
}

/** Returns the answer to a preflight. A preflight holds no token, so the answer names the methods and grants no access. */
export function preflight(methods: readonly string[]): Response {
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': accepted,
      'access-control-max-age': '600',
    },
  });
}
