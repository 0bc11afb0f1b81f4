import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client as ModernClient, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { z } from 'zod';
import { programs } from './install.ts';

/** Where a client connects. `prefix` stands before the names of tools there. */
export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly prefix: string;
}

/** A real client. `visit` returns what it shows its user of each target: lists, and the results of calls. */
export interface RealClient {
  readonly name: string;
  visit(targets: readonly Target[], folder: string): Promise<readonly Seen[]>;
}

const seenSchema = z.record(z.string(), z.unknown());
export type Seen = z.infer<typeof seenSchema>;

export const realClients: readonly RealClient[] = [
  { name: 'the official SDK 1.10', visit: byProgram('oldSdk.mjs') },
  {
    name: 'the official SDK 2, at the newest revision',
    visit: (targets) => each(targets, visitWithModernSdk),
  },
  { name: "LangChain's client", visit: byProgram('langChain.mjs') },
  { name: "the AI SDK's client", visit: byProgram('aiSdk.mjs') },
  { name: "OpenAI Agents' client", visit: byProgram('openAiAgents.mjs') },
  {
    name: 'mcp-remote',
    visit: (targets, folder) => each(targets, (target) => visitWithMcpRemote(target, folder)),
  },
  {
    name: "the Inspector's command line",
    visit: (targets, folder) => each(targets, (target) => inspect(target, folder)),
  },
];

/** The calls of `programs/clients/targets.mjs`. */
const calls: readonly (readonly [name: string, args: Record<string, unknown>])[] = [
  ['echo', { message: 'Grüße, 世界' }],
  ['get-sum', { a: 2, b: 40 }],
  ['get-structured-content', { location: 'Chicago' }],
];

async function each(targets: readonly Target[], visit: (target: Target) => Promise<Seen>): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const target of targets) seen.push(await visit(target));
  return seen;
}

const run = promisify(execFile);

/** Runs a program of `programs/clients`. It prints a line of JSON for each target. */
function byProgram(file: string): RealClient['visit'] {
  return async (targets, folder) => {
    const { stdout } = await run(
      process.execPath,
      [join(programs, 'clients', file), JSON.stringify(targets)],
      { cwd: folder, maxBuffer: 64 * 1024 * 1024 },
    );
    return stdout
      .trim()
      .split('\n')
      .map((line) => seenSchema.parse(JSON.parse(line)));
  };
}

/** Makes all calls with a client of either line of the SDK. */
async function callAll(
  client: {
    readonly callTool: (call: { name: string; arguments: Record<string, unknown> }) => Promise<unknown>;
  },
  prefix: string,
): Promise<readonly unknown[]> {
  const results: unknown[] = [];
  for (const [name, args] of calls) {
    results.push(await client.callTool({ name: prefix + name, arguments: args }));
  }
  return results;
}

async function visitWithModernSdk({ url, headers, prefix }: Target): Promise<Seen> {
  const client = new ModernClient(
    { name: 'interop', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  );
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  const results = await callAll(client, prefix);
  const seen = {
    tools: (await client.listTools()).tools,
    resources: (await client.listResources()).resources,
    templates: (await client.listResourceTemplates()).resourceTemplates,
    prompts: (await client.listPrompts()).prompts,
    results,
  };
  await client.close();
  return seen;
}

/** mcp-remote is a stdio server to its client. */
async function visitWithMcpRemote({ url, headers, prefix }: Target, folder: string): Promise<Seen> {
  const client = new Client({ name: 'interop', version: '1' });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [
        join(programs, 'node_modules/mcp-remote/dist/proxy.js'),
        url,
        ...Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}:${value}`]),
      ],
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, MCP_REMOTE_CONFIG_DIR: folder },
      stderr: 'ignore',
    }),
  );
  const results = await callAll(client, prefix);
  const seen = {
    tools: (await client.listTools()).tools,
    resources: (await client.listResources()).resources,
    prompts: (await client.listPrompts()).prompts,
    results,
  };
  await client.close();
  return seen;
}

/** The command line runs one method in each process. */
async function inspect({ url, headers, prefix }: Target, folder: string): Promise<Seen> {
  const launcher = join(
    programs,
    'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js',
  );
  const ask = async (...args: readonly string[]): Promise<unknown> => {
    const given = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
    const { stdout } = await run(
      process.execPath,
      [launcher, '--cli', url, '--transport', 'http', ...given, '--method', ...args],
      { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder } },
    );
    return JSON.parse(stdout);
  };
  const [tools, resources, sum] = await Promise.all([
    ask('tools/list'),
    ask('resources/list'),
    ask('tools/call', '--tool-name', `${prefix}get-sum`, '--tool-arg', 'a=2', 'b=40'),
  ]);
  return {
    ...z.object({ tools: z.unknown() }).parse(tools),
    ...z.object({ resources: z.unknown() }).parse(resources),
    results: [sum],
  };
}
