import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { accepts } from '../../infra/local/ports.ts';
import { freePort } from '../support/freePort.ts';
import { programs } from './install.ts';
import { startStdioBridge } from './stdioBridge.ts';

/** A server that runs. */
export interface RunningServer {
  readonly url: string;
  stop(): Promise<void>;
}

type Ask = readonly [method: string, params: Record<string, unknown>];

/** A real server, and what a client asks it beside its lists. */
export interface RealServer {
  readonly slug: string;
  start(folder: string, port: number): Promise<RunningServer>;
  /** `folder` holds one file, `hello.txt`. */
  readonly asks: (folder: string) => readonly Ask[];
}

const call = (name: string, args: Record<string, unknown>): Ask => ['tools/call', { name, arguments: args }];
const scriptOf = (file: string): string => join(programs, 'node_modules', file);

export const everything = (transport: 'streamableHttp' | 'sse'): RealServer['start'] =>
  overHttp('@modelcontextprotocol/server-everything/dist/index.js', transport === 'sse' ? '/sse' : '/mcp', [
    transport,
  ]);

/** The servers without a browser. The server `everything` has a test of its own. */
export const realServers: readonly RealServer[] = [
  {
    slug: 'filesystem',
    start: (folder) => overStdio('@modelcontextprotocol/server-filesystem/dist/index.js', [folder]),
    asks: (folder) => [
      call('write_file', { path: join(folder, 'new.txt'), content: 'Grüße\u2028世界 🚀\u0000' }),
      call('list_allowed_directories', {}),
      call('list_directory', { path: folder }),
      call('read_text_file', { path: join(folder, 'hello.txt') }),
      call('read_text_file', { path: join(folder, 'nothing.txt') }),
      call('read_text_file', { path: '/etc/passwd' }),
      call('directory_tree', { path: folder }),
      call('edit_file', {
        path: join(folder, 'hello.txt'),
        edits: [{ oldText: 'world', newText: 'gateway' }],
        dryRun: true,
      }),
    ],
  },
  {
    slug: 'memory',
    start: (folder) =>
      overStdio('@modelcontextprotocol/server-memory/dist/index.js', [], {
        MEMORY_FILE_PATH: join(folder, 'memory.jsonl'),
      }),
    asks: () => [
      call('create_entities', {
        entities: [{ name: 'Ada', entityType: 'person', observations: ['wrote a program', ''] }],
      }),
      call('create_relations', { relations: [{ from: 'Ada', to: 'Ada', relationType: 'knows' }] }),
      call('read_graph', {}),
      call('search_nodes', { query: 'program' }),
      call('open_nodes', { names: [] }),
      call('create_entities', { entities: 'none' }),
      call('delete_entities', { entityNames: ['Ada'] }),
    ],
  },
  {
    slug: 'sequential-thinking',
    start: () => overStdio('@modelcontextprotocol/server-sequential-thinking/dist/index.js', []),
    asks: () => [
      call('sequentialthinking', {
        thought: 'One.',
        nextThoughtNeeded: true,
        thoughtNumber: 1,
        totalThoughts: 2,
      }),
      call('sequentialthinking', {
        thought: 'Two.',
        nextThoughtNeeded: false,
        thoughtNumber: 2,
        totalThoughts: 2,
      }),
      call('sequentialthinking', { thought: '' }),
    ],
  },
  {
    slug: 'context7',
    // Its tools ask a service on the internet, so they are listed and not called.
    start: (folder, port) =>
      overHttp('@upstash/context7-mcp/dist/index.js', '/mcp', [
        ...['--transport', 'http', '--port', String(port)],
      ])(folder, port),
    asks: () => [],
  },
  {
    slug: 'fastmcp',
    start: overHttp('../servers/fastmcp.mjs', '/mcp', []),
    asks: () => [
      call('count_words', { text: 'one two three', least: 4 }),
      call('count_words', { text: 3 }),
      call('refuse', {}),
      ['prompts/get', { name: 'summarise', arguments: { language: 'Esperanto' } }],
      ['prompts/get', { name: 'summarise' }],
      ['resources/read', { uri: 'words://all' }],
      ['resources/read', { uri: 'words://a' }],
      [
        'completion/complete',
        { ref: { type: 'ref/prompt', name: 'summarise' }, argument: { name: 'language', value: 'E' } },
      ],
      [
        'completion/complete',
        { ref: { type: 'ref/resource', uri: 'words://{letter}' }, argument: { name: 'letter', value: '' } },
      ],
      ['logging/setLevel', { level: 'debug' }],
      call('count_words', { text: '' }),
    ],
  },
];

const page = `data:text/html,${encodeURIComponent('<title>Page</title><button>Press</button>')}`;

/** The browser opens a page that is in its URL, because no machine has the internet. */
export const playwright = (browser: string): RealServer => ({
  slug: 'playwright',
  start: (folder, port) =>
    overHttp('@playwright/mcp/cli.js', '/mcp', [
      ...['--port', String(port), '--headless', '--isolated', '--no-sandbox', '--executable-path', browser],
      ...['--output-dir', folder],
    ])(folder, port),
  asks: () => [
    call('browser_navigate', { url: page }),
    call('browser_click', { element: 'the button', target: 'button' }),
    call('browser_snapshot', {}),
    call('browser_evaluate', { function: '() => 12345678901234567890' }),
    call('browser_close', {}),
  ],
});

/** A folder with the file `hello.txt`. */
export async function sampleFolder(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'interop-'));
  await writeFile(join(folder, 'hello.txt'), 'Hello, world.\n');
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

function overHttp(script: string, path: string, args: readonly string[]): RealServer['start'] {
  return async (folder, port) => {
    const child = spawn(process.execPath, [scriptOf(script), ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: folder, PORT: String(port) },
      stdio: 'ignore',
    });
    await vi.waitUntil(() => accepts(port, 'localhost'), { timeout: 20_000 });
    return {
      url: `http://localhost:${port}${path}`,
      stop: async () => {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
      },
    };
  };
}

async function overStdio(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  const bridge = await startStdioBridge([scriptOf(script), ...args], env);
  return { url: bridge.url, stop: () => bridge.close() };
}

/** Starts a server on a free port. */
export const startServer = async (
  server: Pick<RealServer, 'start'>,
  folder: string,
): Promise<RunningServer> => server.start(folder, await freePort());
