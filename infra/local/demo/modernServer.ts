import { toNodeHandler } from '@modelcontextprotocol/node';
import { acceptedContent, createMcpHandler, inputRequired, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { type DemoOptions, type DemoServer, runDemo, serveEndpoint } from './serve.ts';

/** Factors to the base unit of each group of units. */
const units: Readonly<Record<string, { readonly group: string; readonly factor: number }>> = {
  m: { group: 'length', factor: 1 },
  km: { group: 'length', factor: 1000 },
  mi: { group: 'length', factor: 1609.344 },
  kg: { group: 'mass', factor: 1 },
  lb: { group: 'mass', factor: 0.45359237 },
};

const diceSchema = z.object({ count: z.number().int().min(1).max(100) });

/** Units, dice and reports, on the SDK of the 2026 era. It rejects clients of earlier versions. */
export async function startModernServer({ port }: DemoOptions): Promise<DemoServer> {
  const handler = createMcpHandler(createWorkbench, { legacy: 'reject' });
  const answer = toNodeHandler(handler);
  const server = await serveEndpoint(port, (request, response) =>
    // Requests that a server receives have both, though their type allows them to be missing.
    answer(Object.assign(request, { method: request.method ?? 'GET', url: request.url ?? '/' }), response),
  );
  return {
    ...server,
    close: async () => {
      await handler.close();
      await server.close();
    },
  };
}

function createWorkbench(): McpServer {
  const server = new McpServer(
    { name: 'demo-workbench', title: 'Demo workbench', version: '1.0.0' },
    { instructions: 'Converts units, rolls dice and writes reports.' },
  );
  server.registerTool(
    'convert_units',
    {
      title: 'Convert units',
      description: `Converts a value between units of one kind: ${Object.keys(units).join(', ')}.`,
      inputSchema: z.object({
        value: z.number(),
        from: z.string().meta({ 'x-mcp-header': 'From-Unit' }),
        to: z.string(),
      }),
      annotations: { readOnlyHint: true },
    },
    ({ value, from, to }) => {
      const [source, target] = [units[from], units[to]];
      if (source === undefined || target === undefined || source.group !== target.group) {
        return {
          content: [{ type: 'text', text: `Cannot convert ${from} to ${to}.` }],
          isError: true,
        };
      }
      return { content: [{ type: 'text', text: `${(value * source.factor) / target.factor} ${to}` }] };
    },
  );
  server.registerTool(
    'roll_dice',
    {
      title: 'Roll dice',
      description: 'Rolls dice and tells each one. Asks how many when it is not told.',
      inputSchema: diceSchema.partial(),
    },
    ({ count }, { mcpReq }) => {
      const wanted = count ?? acceptedContent(mcpReq.inputResponses, 'dice', diceSchema)?.count;
      if (wanted === undefined) {
        const message = 'How many dice?';
        return inputRequired({
          inputRequests: { dice: inputRequired.elicit({ message, requestedSchema: diceSchema }) },
        });
      }
      const rolled = Array.from({ length: wanted }, () => 1 + Math.floor(Math.random() * 6));
      return { content: [{ type: 'text', text: rolled.join(' ') }] };
    },
  );
  server.registerTool(
    'stream_report',
    {
      title: 'Stream report',
      description: 'Writes a report section by section and reports progress.',
      inputSchema: z.object({
        sections: z.number().int().min(1).max(100).default(5),
        pauseMs: z.number().int().min(0).max(5_000).default(200),
      }),
    },
    async ({ sections, pauseMs }, { mcpReq }) => {
      const written: string[] = [];
      for (let section = 1; section <= sections && !mcpReq.signal.aborted; section++) {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        written.push(`Section ${section}`);
        const progressToken = mcpReq._meta?.progressToken;
        if (progressToken !== undefined) {
          await mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken, progress: section, total: sections },
          });
        }
      }
      return { content: [{ type: 'text', text: written.join('\n') }] };
    },
  );
  return server;
}

if (import.meta.main) await runDemo('demo-modern', startModernServer);
