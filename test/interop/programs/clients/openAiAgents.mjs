import { MCPServerStreamableHttp } from '@openai/agents';
import { calls, visitTargets } from './targets.mjs';

await visitTargets(async ({ url, headers, prefix }) => {
  const server = new MCPServerStreamableHttp({ name: 'target', url, requestInit: { headers } });
  await server.connect();
  const results = [];
  const tools = await server.listTools();
  for (const [name, input] of calls) results.push(await server.callToolResult(prefix + name, input));
  const seen = {
    tools,
    resources: (await server.listResources()).resources,
    templates: (await server.listResourceTemplates()).resourceTemplates,
    results,
  };
  await server.close();
  return seen;
});
