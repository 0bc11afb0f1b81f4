import { expect, test } from 'vitest';
import { exportServers } from '../../../../shared/registry/import/exportServers.ts';
import { readImport } from '../../../../shared/registry/import/readImport.ts';

const origin = 'https://mcp.contoso.com';
const records = [
  { slug: 'stock', status: 'active' },
  { slug: 'tools', status: 'active' },
  { slug: 'new', status: 'pending' },
  { slug: 'bad', status: 'rejected' },
] as const;
const stock = { type: 'http', url: 'https://mcp.contoso.com/servers/stock/mcp' };
const tools = { type: 'http', url: 'https://mcp.contoso.com/servers/tools/mcp' };

test('an export leads to each active server by way of the gateway, in the form of the client', () => {
  expect(exportServers(records, origin)).toEqual({ servers: { stock, tools } });
  expect(exportServers(records, origin, 'claude')).toEqual({ mcpServers: { stock, tools } });
});

test('what is exported can be imported, under the same slugs', async () => {
  for (const format of ['vscode', 'claude'] as const) {
    const imported = await readImport(exportServers(records, origin, format));
    expect(imported).toEqual({
      ok: true,
      value: {
        registrations: [
          { slug: 'stock', url: stock.url },
          { slug: 'tools', url: tools.url },
        ],
        skipped: [],
      },
    });
  }
});
