import { Client } from 'sdk-1.10/client/index.js';
import { StreamableHTTPClientTransport } from 'sdk-1.10/client/streamableHttp.js';
import { calls, visitTargets } from './targets.mjs';

/** The SDK of April 2025. It knows the protocol revisions up to 2025-03-26. */
await visitTargets(async ({ url, headers, prefix }) => {
  const client = new Client({ name: 'old', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  const results = [];
  for (const [name, input] of calls) {
    results.push(await client.callTool({ name: prefix + name, arguments: input }));
  }
  const seen = {
    tools: (await client.listTools()).tools,
    resources: (await client.listResources()).resources,
    templates: (await client.listResourceTemplates()).resourceTemplates,
    prompts: (await client.listPrompts()).prompts,
    results,
  };
  await client.close();
  return seen;
});
