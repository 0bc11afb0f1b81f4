import { fileURLToPath } from 'node:url';
import type { Era } from '../bareServer.ts';

/** Another way to put something in front of an MCP server, pinned, as npm serves it. */
export interface Peer {
  readonly name: string;
  /** Name and version of its package. A peer without one is a file of this folder's. */
  readonly package?: string;
  readonly eras: readonly Era[];
  /** False for a peer that leaves out the events before a result. */
  readonly passesEvents: boolean;
  /** True for a peer that starts processes of its own. */
  readonly startsProcesses?: boolean;
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
const mcpProxy = (peer: Pick<Peer, 'name' | 'eras' | 'note' | 'passesEvents'>, options: object): Peer => ({
  ...peer,
  package: 'mcp-proxy@6.7.19',
  start: ({ folder, era, upstream, port }) => ({
    args: [`${folder}/mcpProxy.mjs`, upstream, era, String(port), JSON.stringify(options)],
  }),
});

export const peers = {
  plainProxy: {
    name: 'plain reverse proxy',
    eras: ['legacy', 'modern'],
    passesEvents: true,
    note: 'passes bytes on, knows nothing of MCP',
    start: ({ upstream, port }) => ({ args: [own('../proxy.ts'), upstream, String(port)] }),
  },
  mcpProxy: mcpProxy(
    {
      name: '`mcp-proxy`',
      eras: ['legacy', 'modern'],
      passesEvents: true,
      note: 'as a library, its defaults: sessions, answers as event streams that can be resumed',
    },
    {},
  ),
  mcpProxyJson: mcpProxy(
    {
      name: '`mcp-proxy`, JSON answers',
      eras: ['legacy'],
      passesEvents: false,
      note: 'as a library with `enableJsonResponse`',
    },
    { enableJsonResponse: true },
  ),
  mcpProxyStateless: mcpProxy(
    {
      name: '`mcp-proxy`, stateless',
      eras: ['legacy'],
      passesEvents: false,
      note: 'as a library with `stateless` and `enableJsonResponse`',
    },
    { stateless: true, enableJsonResponse: true },
  ),
  passthrough: {
    name: '`passthrough-mcp-server`',
    package: '@civic/passthrough-mcp-server@0.12.1',
    eras: ['legacy'],
    passesEvents: false,
    note: 'hooks can change each call; none is set',
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
    eras: ['legacy', 'modern'],
    passesEvents: true,
    startsProcesses: true,
    note: 'to the same bare server over standard input and output: a process for each session, and for each call of 2026-07-28',
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
