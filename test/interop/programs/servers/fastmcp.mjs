import { FastMCP } from 'fastmcp';
import { z } from 'zod';

/** A server as the framework's users write them: tools with progress, logs and streamed content, a prompt, a resource. */
const server = new FastMCP({ name: 'fastmcp', version: '1.0.0', instructions: 'Counts words.' });

server.addTool({
  name: 'count_words',
  description: 'Counts the words of a text.',
  parameters: z.object({ text: z.string(), least: z.number().int().min(1).default(1) }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  execute: async ({ text, least }, { log, reportProgress, streamContent }) => {
    log.info('counting', { characters: text.length });
    await reportProgress({ progress: 1, total: 2 });
    await streamContent({ type: 'text', text: 'half' });
    await reportProgress({ progress: 2, total: 2 });
    return `${text.split(/\s+/).filter((word) => word.length >= least).length} words`;
  },
});
server.addTool({
  name: 'refuse',
  description: 'Always fails.',
  execute: async () => {
    throw new Error('No words.');
  },
});
server.addPrompt({
  name: 'summarise',
  description: 'Asks for a summary.',
  arguments: [{ name: 'language', required: true, enum: ['English', 'Esperanto', 'German'] }],
  load: async ({ language }) => `Summarise it in ${language}.`,
});
server.addResource({
  uri: 'words://all',
  name: 'All words',
  mimeType: 'text/plain',
  load: async () => ({ text: 'one two three' }),
});
server.addResourceTemplate({
  uriTemplate: 'words://{letter}',
  name: 'Words of a letter',
  mimeType: 'text/plain',
  arguments: [
    {
      name: 'letter',
      complete: async (value) => ({ values: ['a', 'b'].filter((one) => one.startsWith(value)) }),
    },
  ],
  load: async ({ letter }) => ({ text: `${letter}lpha` }),
});

await server.start({
  transportType: 'httpStream',
  httpStream: { port: Number(process.env.PORT), host: '127.0.0.1' },
});
