import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { runChild } from '../childProcess.ts';

/** A sample MCP server that runs on this machine. */
export interface DemoServer {
  readonly port: number;
  readonly url: string;
  /** Ends open connections too. */
  close(): Promise<void>;
}
export interface DemoOptions {
  /** 0 takes a free port. */
  readonly port: number;
}

const HOST = '127.0.0.1';
const PATH = '/mcp';

/** Serves one MCP endpoint on loopback; any other path is a 404. */
export async function serveEndpoint(
  port: number,
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<DemoServer> {
  const server = createServer((request, response) => {
    if (request.url?.split('?', 1)[0] !== PATH) {
      response.writeHead(404).end();
      return;
    }
    if (isForeign(request.headers.origin)) {
      response.writeHead(403).end();
      return;
    }
    handle(request, response).catch((error: unknown) => {
      console.error(error);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await listen(server, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    port: bound,
    url: `http://${HOST}:${bound}${PATH}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** Pages of other origins must not call this server through a browser (2026-07-28, transports, Security). */
const isForeign = (origin: string | undefined): boolean =>
  origin !== undefined && !/^https?:\/\/(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(origin);

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Runs a demo server as a process of its own: `node FILE --port 8011`. */
export async function runDemo(
  name: string,
  start: (options: DemoOptions) => Promise<DemoServer>,
): Promise<void> {
  await runChild(name, async () => {
    const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
    const server = await start({ port: Number(values.port) });
    return { line: `${name} is ready at ${server.url}`, stop: () => server.close() };
  });
}
