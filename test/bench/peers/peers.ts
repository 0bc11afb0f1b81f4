import { fileURLToPath } from 'node:url';
import type { Era } from '../bareServer.ts';

/** Another way to put something in front of an MCP server, pinned, as npm serves it. */
export interface Peer {
  readonly name: string;
  /** Name and version of its package. A peer without one is a file of this folder's. */
  readonly package?: string;
  readonly eras: readonly Era[];
  /** What a reader has to know of the comparison. */
  readonly note: string;
  /** The command line and the environment of its process, which listens on the port. */
  start(place: Place): { readonly args: readonly string[]; readonly env?: Readonly<Record<string, string>> };
}

export interface Place {
  /** Where the packages are installed. */
  readonly folder: string;
  readonly era: Era;
  /** Of the bare server of this era. */
  readonly upstream: string;
  readonly port: number;
}

const own = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** `options`: of `startHTTPServer`. */
const mcpProxy = (name: string, note: string, eras: readonly Era[], options: object): Peer => ({
  name,
  package: 'mcp-proxy@6.7.19',
  eras,
  note,
  start: ({ folder, era, upstream, port }) => ({
    args: [`${folder}/mcpProxy.mjs`, upstream, era, String(port), JSON.stringify(options)],
  }),
});

export const peers = {
  plainProxy: {
    name: 'plain reverse proxy',
    eras: ['legacy', 'modern'],
    note: 'passes bytes on, knows nothing of MCP',
    start: ({ upstream, port }) => ({ args: [own('../proxy.ts'), upstream, String(port)] }),
  },
  mcpProxy: mcpProxy(
    '`mcp-proxy`',
    'as a library, its defaults: sessions, answers as event streams that can be resumed',
    ['legacy', 'modern'],
    {},
  ),
  mcpProxyJson: mcpProxy(
    '`mcp-proxy`, JSON answers',
    'as a library with `enableJsonResponse`: it leaves out the events before a result',
    ['legacy'],
    { enableJsonResponse: true },
  ),
  mcpProxyStateless: mcpProxy(
    '`mcp-proxy`, stateless',
    'as a library with `stateless` and `enableJsonResponse`',
    ['legacy'],
    { stateless: true, enableJsonResponse: true },
  ),
  passthrough: {
    name: '`passthrough-mcp-server`',
    package: '@civic/passthrough-mcp-server@0.12.1',
    eras: ['legacy'],
    note: 'hooks can change each call; none is set. It leaves out the events before a result',
    start: ({ folder, upstream, port }) => ({
      args: [`${folder}/node_modules/@civic/passthrough-mcp-server/dist/cli.js`],
      env: {
        PORT: String(port),
        TARGET_SERVER_URL: upstream,
        TARGET_SERVER_MCP_PATH: new URL(upstream).pathname,
        LOG_LEVEL: 'error',
      },
    }),
  },
  supergateway: {
    name: '`supergateway`',
    package: 'supergateway@4.0.0',
    eras: ['legacy'],
    note: 'over standard input and output, to a process of the same bare server for each session',
    start: ({ folder, era, port }) => ({
      args: [
        `${folder}/node_modules/supergateway/dist/index.js`,
        ...['--stdio', `${process.execPath} ${own('../stdioServer.ts')} ${era}`],
        ...['--outputTransport', 'streamableHttp', '--stateful', '--logLevel', 'none'],
        ...['--port', String(port)],
      ],
    }),
  },
} as const satisfies Readonly<Record<string, Peer>>;
