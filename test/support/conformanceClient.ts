import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { connectAccount } from './accounts/connectAccount.ts';
import { managementApi } from './managementApi.ts';

/*
 * The program that the conformance suite starts for each of its client scenarios, with the URL of the scenario's server as the last
 * argument. It registers that server with the running gateway and does there, as a client of the 2025 era, all that can be
 * done: what the scenario's server sees is the gateway.
 */

interface Schema {
  readonly type?: unknown;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}
interface Call {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
}

const { GATEWAY_MANAGEMENT = '', GATEWAY_MCP = '', GATEWAY_TOKEN = '', GATEWAY_PERSON = '' } = process.env;
const MAX_SIGN_INS = 2;
const serverUrl = process.argv.at(-1) ?? '';

const slug = `c${randomUUID().slice(0, 8)}`;
const api = managementApi(GATEWAY_MANAGEMENT, GATEWAY_TOKEN);
/** The servers of these scenarios want the user's own sign-in. */
const wantsAccount = process.env['MCP_CONFORMANCE_SCENARIO']?.startsWith('auth/') === true;
const upstream = { headers: { authorization: { credential: 'user-account' } } };
const { body } = await api.post('/servers?wait=30', {
  slug,
  url: serverUrl,
  ...(wantsAccount && { upstream }),
});
let { status } = body;
// All scenarios run at once: the registration may take longer than an answer may wait.
while (status === 'pending') {
  await wait(500);
  ({ status } = (await api.get(`/servers/${slug}`)).body);
}
if (status !== 'active') {
  process.stderr.write(`not registered: ${JSON.stringify(body)}\n`);
  process.exit(1);
}

if (wantsAccount) {
  const { items } = (await api.get('/connections?limit=100')).body as {
    items: readonly { server: string; signInUrl: string }[];
  };
  await connect(items.find(({ server }) => server === slug)?.signInUrl ?? '');
}

/** Signs in as the person in the browser does, and expects to be connected. */
async function connect(link: string): Promise<void> {
  const { status, text } = await connectAccount(link, GATEWAY_PERSON);
  if (status === 200 && text.includes('You are connected')) return;
  process.stderr.write(`not connected: ${text}\n`);
  process.exit(1);
}

const client = new Client(
  { name: 'conformance-client', version: '1' },
  { capabilities: { elicitation: {}, sampling: {}, roots: {} } },
);
/** As a person does who accepts a form as it is: whatever it holds was carried from the server. */
client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
  const { properties = {} } = 'requestedSchema' in params ? (params.requestedSchema as Schema) : {};
  const content = Object.entries(properties).map(([key, field]) => [key, field.default ?? true]);
  return { action: 'accept', content: Object.fromEntries(content) as Record<string, string> };
});
const transport = new StreamableHTTPClientTransport(new URL(`/servers/${slug}/mcp`, GATEWAY_MCP), {
  requestInit: { headers: { authorization: `Bearer ${GATEWAY_TOKEN}` } },
});
await client.connect(transport);

const offered = client.getServerCapabilities() ?? {};
const { tools } = await client.listTools();
const [first] = tools;

/** The calls that the scenario wants; where it says nothing, each tool once with arguments of the right type. */
const wanted = (JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as { toolCalls?: Call[] })
  .toolCalls;
/** The tool of the servers that want sign-in: a server that accepts the account no longer lists none. */
const unlisted = wantsAccount && tools.length === 0 ? [{ name: 'test-tool', arguments: {} }] : undefined;
const listed = new Set(tools.map(({ name }) => name));
const calls =
  unlisted ??
  wanted?.filter(({ name }) => listed.has(name)) ??
  tools.map(({ name, inputSchema }) => ({ name, arguments: argumentsFor(inputSchema as Schema) }));
for (const call of calls) {
  let answer = JSON.stringify(await client.callTool(call));
  // A person signs in again where the server wants more scopes, but not for ever.
  for (let attempt = 1; attempt <= MAX_SIGN_INS; attempt++) {
    const [link] = /http:[^\s"\\]+\/connections\/[^\s"\\]+/.exec(answer) ?? [];
    if (link === undefined) break;
    await connect(link);
    answer = JSON.stringify(await client.callTool(call));
  }
}

if (offered.prompts) {
  const { prompts } = await client.listPrompts();
  for (const { name } of prompts) await client.getPrompt({ name });
}
if (offered.resources) {
  const { resources } = await client.listResources();
  for (const { uri } of resources) await client.readResource({ uri });
}
// Without it the suite's server would wait for the gateway to stop listening.
await transport.terminateSession();
await client.close();

function argumentsFor({ properties = {} }: Schema): Record<string, unknown> {
  const values: Readonly<Record<string, unknown>> = { string: 'text', number: 3, integer: 3, boolean: true };
  return Object.fromEntries(
    Object.entries(properties).map(([key, { type }]) => [
      key,
      // What asks for a schema is told that of the first tool, as it came through the gateway.
      type === 'object' ? first?.inputSchema : values[String(type)],
    ]),
  );
}
