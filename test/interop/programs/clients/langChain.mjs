import { MultiServerMCPClient } from '@langchain/mcp-adapters';
import { calls, visitTargets } from './targets.mjs';

await visitTargets(async ({ url, headers, prefix }) => {
  const client = new MultiServerMCPClient({ mcpServers: { target: { transport: 'http', url, headers } } });
  const tools = await client.getTools();
  const results = [];
  for (const [name, input] of calls) {
    results.push(await tools.find((tool) => tool.name === prefix + name).invoke(input));
  }
  const resources = await client.listResources();
  await client.close();
  return {
    tools: tools.map(({ name, description, schema }) => ({ name, description, schema })),
    resources: resources.target,
    results,
  };
});
