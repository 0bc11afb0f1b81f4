/** Who may read answers from a page: `any` for what everyone may know, else the configured origins. */
export type AllowedOrigins = 'any' | ReadonlySet<string>;

const exposed = 'WWW-Authenticate, Location, ETag, Retry-After, Mcp-Session-Id, X-Request-Id';
/** Any header: an MCP server names some of its own. The asterisk does not cover Authorization. */
const accepted = '*, Authorization';

/**
 * Lets a page of an allowed origin read the answer. What depends on the origin says so in `Vary` even to callers without
 * one, so that no cache hands a page the answer of another. Source: the Fetch standard, "CORS protocol and HTTP caches".
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
 * Lets pages of every origin read the answer, in the very words that clients of a registry look for:
 * https://docs.github.com/en/copilot/how-tos/administer-copilot/manage-mcp-usage/configure-mcp-registry
 */
export function letEveryPageRead(response: Response): Response {
  response.headers.set('access-control-allow-methods', 'GET, OPTIONS');
  response.headers.set('access-control-allow-headers', 'Authorization, Content-Type');
  return letPagesRead(response, null, 'any');
}

/** The answer to a preflight, which holds no token: it says what may be asked, not whether the asker may. */
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
