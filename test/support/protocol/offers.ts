import { MODERN } from '../rawClient.ts';

/** Any JSON object that a test may change. */
export type Json = Record<string, unknown>;

export const VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26'];
export const META = (key: string): string => `io.modelcontextprotocol/${key}`;
const icons = [
  { src: 'https://icons.example/tool.png', mimeType: 'image/png', sizes: ['48x48'], theme: 'light' },
];

export const info = (): Json => ({ name: 'protocol-server', version: '1.0.0', icons });

/** What the server offers: something of everything that a check looks at. Made anew each time, so that a test may break it. */
export const offers = (): Record<string, Json[]> => ({
  tools: [
    {
      name: 'find_item',
      title: 'Find item',
      description: 'Finds an item by its number.',
      inputSchema: {
        type: 'object',
        properties: { number: { type: 'integer', 'x-mcp-header': 'Number' } },
        required: ['number'],
      },
      outputSchema: { type: 'object', properties: { name: { type: 'string' } } },
      annotations: { title: 'Find item', readOnlyHint: true },
      icons,
      _meta: { 'com.example/team': 'stock' },
    },
    {
      name: 'count.items',
      description: 'Counts all items.',
      inputSchema: { type: 'object', additionalProperties: false },
      execution: { taskSupport: 'forbidden' },
    },
    { name: 'list-shelves', description: 'Lists the shelves.', inputSchema: { type: 'object' } },
  ],
  prompts: [
    { name: 'greet', description: 'Greets.', arguments: [{ name: 'who', required: true }] },
    { name: 'leave' },
  ],
  resources: [
    {
      uri: 'file:///rules.md',
      name: 'rules',
      size: 120,
      annotations: { audience: ['user'], priority: 0.5, lastModified: '2026-01-12T15:00:58Z' },
    },
    { uri: 'stock:shelves', name: 'shelves' },
  ],
  resourceTemplates: [{ uriTemplate: 'stock:items/{number}', name: 'item' }],
});

export const capabilities = (era: 'legacy' | 'modern'): Json => ({
  tools: { listChanged: true },
  prompts: { listChanged: false },
  resources: { subscribe: true, listChanged: true },
  completions: {},
  ...(era === 'legacy' ? { logging: {} } : { extensions: { 'com.example/shelves': {} } }),
});

export { MODERN };
