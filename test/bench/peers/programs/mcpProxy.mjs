import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Server } from '@modelcontextprotocol/server';
import { proxyServer, resolveVersionNegotiation, startHTTPServer } from 'mcp-proxy';

/**
 * `mcp-proxy` as a library in front of a server over HTTP, wired as its own command line does it.
 * Arguments: URL of the server, its era (`legacy` or `modern`), port, options of `startHTTPServer` as JSON.
 */
const [url, era, port, options = '{}'] = process.argv.slice(2);
const client = new Client(
  { name: 'mcp-proxy', version: '1.0.0' },
  { capabilities: {}, versionNegotiation: resolveVersionNegotiation(era) },
);
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
const serverCapabilities = client.getServerCapabilities();
await startHTTPServer({
  createServer: async () => {
    const server = new Server(client.getServerVersion() ?? { name: 'bare', version: '1.0.0' }, {
      capabilities: serverCapabilities,
      instructions: client.getInstructions(),
    });
    await proxyServer({ client, server, serverCapabilities });
    return server;
  },
  host: '127.0.0.1',
  port: Number(port),
  sseEndpoint: null,
  ...JSON.parse(options),
});
