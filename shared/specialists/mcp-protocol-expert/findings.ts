import { defineFindings } from '../finding.ts';

/** Every finding of this agent that does not come from a protocol check (`checks/table.ts`). */
export const finding = defineFindings({
  server_reached: ({
    server,
    problem,
    ...facts
  }: OfServer & { problem: string; [fact: string]: unknown }) => ({
    severity: 'critical',
    message: `${server} could not be inspected: ${problem}.`,
    evidence: { server, ...facts },
    remedy:
      'Check that the server runs, and that the gateway may reach it without the credentials of a user.',
  }),
  transport_is_current: ({ server }: OfServer) => ({
    severity: 'warning',
    message: `${server} speaks only the HTTP+SSE transport of 2024-11-05, which these checks do not cover.`,
    evidence: {
      server,
      specification: 'https://modelcontextprotocol.io/specification/2026-07-28/deprecated',
    },
    remedy: 'Use a version of its SDK that has Streamable HTTP: the old transport is deprecated.',
  }),
  server_opens: ({ server }: OfServer) => ({
    severity: 'critical',
    message: `${server} answers, but not as an MCP server: nothing could be measured.`,
    remedy: 'Run mcp_specification_compliance on this server: it names what is wrong.',
  }),
  everything_tried: ({ server, why, exchanges }: OfServer & { why: string; exchanges: number }) => ({
    severity: 'info',
    message: `${server} did not get every request: ${why}.`,
    evidence: { server, exchanges },
    remedy: 'Correct what the other findings name, then check the server again.',
  }),

  capability_is_not_carried: ({ why, ...facts }: OfServer & CarriedFeature) => ({
    severity: 'info',
    message: `${facts.server}: ${facts.feature} does not reach clients of ${facts.legacy || facts.modern ? 'one era' : 'either era'}: ${why}.`,
    evidence: facts,
    remedy: 'Offer the same in another way too, or call the server without the gateway for this feature.',
  }),
  tools_are_left_out: ({ server, tools, of }: OfServer & { tools: readonly string[]; of: number }) => ({
    severity: 'warning',
    message: `${server}: the gateway shows ${tools.length} of ${of} tools to no client.`,
    evidence: { server, tools: tools.slice(0, 10) },
    remedy:
      'Correct their definitions: mcp_specification_compliance names what is wrong with each. A tool that runs only as a task cannot be called.',
  }),
  registry_is_behind: ({ server, changes }: OfServer & { changes: Readonly<Record<string, unknown>> }) => ({
    severity: 'warning',
    message: `${server}: ${Object.keys(changes).join(' and ')} differ from the record in the registry.`,
    evidence: { server, ...changes },
    remedy:
      'None if the change was intended: the registry reads the server again within 15 minutes. Otherwise find out who changed it.',
  }),

  tool_is_large: ({ largest, ...facts }: OfServer & ToolSize & { largest: string }) => ({
    severity: 'warning',
    message: `${facts.server}: the tool ${facts.name} takes about ${facts.tokens} tokens of a model's context.`,
    evidence: facts,
    remedy: `Shorten the largest part, ${largest}, or split the tool.`,
  }),
  catalogue_is_large: ({ server, toolTokens }: OfServer & { toolTokens: number }) => ({
    severity: 'warning',
    message: `${server}: its tools take about ${toolTokens} tokens together.`,
    remedy: 'Put tools that belong together into toolsets: a client then sees only the tools of its toolset.',
  }),
  description_is_long: ({ server, tool, description }: OfServer & { tool: string; description: number }) => ({
    severity: 'info',
    message: `${server}: the title and description of ${tool} have ${description} bytes.`,
    remedy: 'Say what the tool is for and when to use it. Move the rest to the parameters or to a resource.',
  }),
  description_is_repeated: ({
    server,
    length,
    times,
    places,
  }: OfServer & { length: number; times: number; places: readonly string[] }) => ({
    severity: 'info',
    message: `${server}: a text of ${length} characters occurs ${times} times, first at ${places[0] ?? ''}.`,
    remedy: 'Say it once in the instructions of the server, and only briefly in each place.',
  }),
  json_is_loose: ({ server, method, bytes, looseBytes }: OfList & { bytes: number; looseBytes: number }) => ({
    severity: 'info',
    message: `${server}: ${looseBytes} of the ${bytes} bytes of ${method} are white space and wrapping.`,
    remedy: 'Send JSON without indentation.',
  }),
  page_is_large: ({ server, method, largestPage }: OfList & { largestPage: number; items: number }) => ({
    severity: 'warning',
    message: `${server}: a page of ${method} has ${largestPage} bytes.`,
    remedy: 'Use smaller pages, or shorten the items: a client reads a whole page before it can begin.',
  }),
  pages_are_small: ({ server, method, pages, items }: OfList & { pages: number; items: number }) => ({
    severity: 'info',
    message: `${server}: ${method} takes ${pages} requests for ${items} items.`,
    remedy: 'Put more items into a page: each page is a round trip.',
  }),

  connection_is_not_kept: ({
    firstRequestMs,
    medianMs,
    ...facts
  }: OfServer & {
    requests: number;
    connections: number;
    closes: boolean;
    firstRequestMs: number;
    medianMs: number;
  }) => ({
    severity: 'warning',
    message: `${facts.server}: ${facts.requests} requests took ${facts.connections} connections. The first request took ${firstRequestMs} ms, a later one ${medianMs} ms.`,
    evidence: facts,
    remedy: 'Let the server, and any proxy in front of it, keep connections open after an answer.',
  }),
  connection_is_kept_briefly: ({
    server,
    seconds,
    gatewaySeconds,
  }: OfServer & { seconds: number; gatewaySeconds: number }) => ({
    severity: 'info',
    message: `${server}: it keeps idle connections for ${seconds} s; the gateway would keep them for ${gatewaySeconds} s.`,
    evidence: { server, seconds },
    remedy: `Raise the keep-alive timeout of the server to ${gatewaySeconds} s or more, so that calls after a pause need no new connection.`,
  }),
  answers_are_slow: ({ server, median }: OfServer & { median: number; slowest: number }) => ({
    severity: 'warning',
    message: `${server}: a request that does no work waits ${median} ms for its first byte.`,
    remedy: 'Find out what the server does before it answers: sign-in, a cold start, access to its data.',
  }),
  stream_starts_late: ({ server, firstByteMs = 0 }: OfServer & StreamFacts) => ({
    severity: 'warning',
    message: `${server}: its notification stream sends the first byte after ${firstByteMs} ms.`,
    remedy: 'Send the response headers, or a comment line, at once, and let no proxy hold them back.',
  }),
  stream_may_be_buffered: ({ server }: OfServer & StreamFacts) => ({
    severity: 'info',
    message: `${server}: its stream does not tell proxies to forward events at once.`,
    remedy: 'Set X-Accel-Buffering: no on event streams.',
  }),
  answers_are_encoded_unasked: ({ server }: OfServer & { bytes: number }) => ({
    severity: 'critical',
    message: `${server}: it compresses answers although the client does not accept that: the gateway cannot read them.`,
    remedy: 'Obey the header Accept-Encoding, in the server or in the proxy in front of it.',
  }),
  transport_is_plain: ({ server }: OfServer & { secure: boolean }) => ({
    severity: 'warning',
    message: `${server}: its URL is http, so nothing is encrypted.`,
    remedy: 'Serve it over https.',
  }),
  certificate_ends_soon: ({ days, ...facts }: OfServer & { ends: string; days: number }) => ({
    severity: 'warning',
    message: `${facts.server}: its certificate expires in ${days} days.`,
    evidence: facts,
    remedy: 'Renew the certificate: calls fail from the day on which it expires.',
  }),
  tls_is_old: ({ server, protocol }: OfServer & { protocol: string }) => ({
    severity: 'warning',
    message: `${server}: it speaks ${protocol}.`,
    remedy: 'Let the server speak TLS 1.3.',
  }),
});

interface OfServer {
  /** The slug of the server. */
  readonly server: string;
}
interface OfList extends OfServer {
  readonly method: string;
}
interface CarriedFeature {
  readonly feature: string;
  readonly legacy: boolean;
  readonly modern: boolean;
  readonly why: string;
}
interface ToolSize {
  readonly name: string;
  readonly tokens: number;
}
interface StreamFacts {
  readonly offered: boolean;
  readonly firstByteMs?: number | undefined;
  readonly unbuffered?: boolean | undefined;
}
