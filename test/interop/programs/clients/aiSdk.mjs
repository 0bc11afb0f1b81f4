import { createMCPClient } from '@ai-sdk/mcp';
import { calls, visitTargets } from './targets.mjs';

await visitTargets(async ({ url, headers, prefix }) => {
  const client = await createMCPClient({ transport: { type: 'http', url, headers } });
  const results = [];
  const tools = await client.tools();
  for (const [name, input] of calls) {
    results.push(await tools[prefix + name].execute(input, { toolCallId: 'call', messages: [] }));
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
