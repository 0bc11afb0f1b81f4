import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';
import { freePort } from '../../support/freePort.ts';
import { programs } from '../install.ts';
import { type ProviderOptions, testProvider } from './provider.ts';

/** What a client shows its user: the names of the tools, and what a call of one says. */
export interface Seen {
  readonly tools: readonly string[];
  readonly said: string;
}

/** A client that runs. */
export interface RunningClient {
  /** Lists the tools, and calls one. */
  look(tool: string, args: Readonly<Record<string, unknown>>): Promise<Seen>;
  close(): Promise<void>;
}

export interface ClientPlace {
  /** All that the user gives the client. */
  readonly url: string;
  /** The folder in which a program keeps its tokens. */
  readonly folder: string;
  /** How a program opens the browser. */
  readonly environment: Readonly<Record<string, string>>;
  /** How a client in this process does, and what it is known by. */
  readonly provider: ProviderOptions;
}

/** A real client. Two calls of `start` at one place are two starts of one client, which keeps what it has stored. */
export interface SigningClient {
  readonly name: string;
  start(place: ClientPlace): Promise<RunningClient>;
}

const toolsSchema = z.object({ tools: z.array(z.object({ name: z.string() })) });
const resultSchema = z.object({ content: z.tuple([z.object({ text: z.string() })]) });

const seenIn = (tools: unknown, result: unknown): Seen => ({
  tools: toolsSchema.parse(tools).tools.map(({ name }) => name),
  said: resultSchema.parse(result).content[0].text,
});

interface SdkClient {
  listTools(): Promise<unknown>;
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  close(): Promise<void>;
}

const running = (client: SdkClient): RunningClient => ({
  look: async (name, args) =>
    seenIn(await client.listTools(), await client.callTool({ name, arguments: args })),
  close: () => client.close(),
});

/** A provider belongs to its place, so that a second start finds the tokens of the first. */
const providers = new WeakMap<ClientPlace, ReturnType<typeof testProvider>>();
export function providerOf(place: ClientPlace): ReturnType<typeof testProvider> {
  const provider = providers.get(place) ?? testProvider(place.provider);
  providers.set(place, provider);
  return provider;
}

/** A client of one of the SDKs before it is connected. */
interface Attempt {
  readonly client: SdkClient;
  connect(): Promise<void>;
  /** Gives the SDK the answer with which the browser came back. */
  finish(answer: URL): Promise<void>;
}

/** Does what the documentation of both SDKs tells authors: connect, let the user sign in, connect again. */
async function connectSignedIn(place: ClientPlace, prepare: () => Attempt): Promise<RunningClient> {
  const first = prepare();
  try {
    await first.connect();
    return running(first.client);
  } catch (error) {
    const { answer } = providerOf(place);
    if (!(error instanceof Error && error.constructor.name === 'UnauthorizedError') || !answer) throw error;
    await first.finish(answer);
  }
  const second = prepare();
  await second.connect();
  return running(second.client);
}

/** Speaks the 2025 era. */
export const sdkOne: SigningClient = {
  name: 'the official SDK 1',
  start: (place) =>
    connectSignedIn(place, () => {
      const client = new Client({ name: 'interop', version: '1' });
      const transport = new StreamableHTTPClientTransport(new URL(place.url), {
        authProvider: providerOf(place),
      });
      return {
        client,
        connect: () => client.connect(transport),
        finish: ({ searchParams }) => transport.finishAuth(searchParams.get('code') ?? ''),
      };
    }),
};

/** Speaks the 2026 era, and checks `iss` (RFC 9207). */
export const sdkTwo: SigningClient = {
  name: 'the official SDK 2',
  start: (place) =>
    connectSignedIn(place, () => {
      const client = new ModernClient(
        { name: 'interop', version: '1' },
        { versionNegotiation: { mode: 'auto' } },
      );
      const transport = new ModernTransport(new URL(place.url), { authProvider: providerOf(place) });
      return {
        client,
        connect: () => client.connect(transport),
        finish: ({ searchParams }) => transport.finishAuth(searchParams),
      };
    }),
};

/** A stdio server to its client. It opens the browser itself. */
export const mcpRemote: SigningClient = {
  name: 'mcp-remote',
  async start({ url, folder, environment }) {
    const client = new Client({ name: 'interop', version: '1' });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [join(programs, 'node_modules/mcp-remote/dist/proxy.js'), url],
        env: { ...environment, HOME: folder, MCP_REMOTE_CONFIG_DIR: folder },
        stderr: 'ignore',
      }),
    );
    return running(client);
  },
};

const run = promisify(execFile);
const launcher = join(
  programs,
  'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js',
);

/** The command line of the Inspector. It runs one method in each process, and opens the browser itself. */
export const inspector: SigningClient = {
  name: "the Inspector's command line",
  async start({ url, folder, environment }) {
    const callback = `http://127.0.0.1:${await freePort()}/oauth/callback`;
    const ask = async (...args: readonly string[]): Promise<unknown> => {
      const { stdout } = await run(
        process.execPath,
        [launcher, '--cli', url, '--transport', 'http', '--callback-url', callback, '--method', ...args],
        {
          cwd: folder,
          env: {
            ...environment,
            HOME: folder,
            MCP_STORAGE_DIR: folder,
            // In a container it would forget its tokens.
            MCP_INSPECTOR_SECRET_STORE: 'file',
            MCP_AUTO_OPEN_ENABLED: 'true',
          },
        },
      );
      return JSON.parse(stdout);
    };
    return {
      look: async (name, args) =>
        seenIn(
          await ask('tools/list'),
          await ask('tools/call', '--tool-name', name, '--tool-args-json', JSON.stringify(args)),
        ),
      close: () => Promise.resolve(),
    };
  },
};
