import type { Method } from './http.ts';

/** Who may read answers from a page: `any` for what everyone may know, else the configured origins. */
export type AllowedOrigins = 'any' | ReadonlySet<string>;

const exposed = 'WWW-Authenticate, Location, ETag, Retry-After, Mcp-Session-Id, X-Request-Id';
const accepted =
  'Authorization, Content-Type, Accept, If-Match, Traceparent, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name';

/** The headers that let a page of an allowed origin read the answer; none for other callers. Source: the Fetch standard. */
export function corsHeaders(
  origin: string | null,
  allowed: AllowedOrigins,
): readonly (readonly [string, string])[] {
  if (origin === null || (allowed !== 'any' && !allowed.has(origin))) return [];
  return [
    ['access-control-allow-origin', allowed === 'any' ? '*' : origin],
    ['access-control-expose-headers', exposed],
    ['vary', 'Origin'],
  ];
}

/** The answer to a preflight, which holds no token: it says what may be asked, not whether the asker may. */
export function preflight(
  origin: string | null,
  methods: readonly Method[],
  allowed: AllowedOrigins,
): Response {
  const headers = new Headers([
    ...corsHeaders(origin, allowed).map(([name, value]): [string, string] => [name, value]),
  ]);
  headers.set('access-control-allow-methods', methods.join(', '));
  headers.set('access-control-allow-headers', accepted);
  headers.set('access-control-max-age', '600');
  return new Response(null, { status: 204, headers });
}
