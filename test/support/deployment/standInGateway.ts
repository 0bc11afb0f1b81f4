import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/** Both apps of a gateway, as a deployment sees them from outside. */
export interface StandInGateway {
  readonly origin: string;
  /** The build that every instance says it runs. */
  build: string;
  /** The gates that do not pass. */
  readonly failingGates: Set<string>;
  /** The bodies of the events that were raised. */
  readonly events: unknown[];
  stop(): Promise<void>;
}

/** `token` is the only one that it takes. */
export async function standInGateway(token: string): Promise<StandInGateway> {
  const gateway = { origin: '', build: '', failingGates: new Set<string>(), events: [] as unknown[] };

  function answer(path: string, body: Readonly<Record<string, unknown>>): unknown {
    const [, gate] = /^\/quality-gates\/(\w+)\/runs/.exec(path) ?? [];
    if (gate !== undefined) {
      const failed = { status: 'failed', failedCheck: 'wheel', results: { wheel: { error: 'it came off' } } };
      return { id: 'run1', ...(gateway.failingGates.has(gate) ? failed : { status: 'passed', results: {} }) };
    }
    if (path.startsWith('/delegations')) {
      const instances = [{ build: gateway.build }];
      const apps = ['management', 'mcp'].map((app) => ({ app, answers: true, instances }));
      return { state: 'succeeded', result: { facts: { apps } } };
    }
    if (path === '/events') {
      gateway.events.push(body);
      return { id: 'event1' };
    }
    const isList = body['method'] === 'tools/list';
    return { result: isList ? { tools: [{ name: 'gateway__list_servers' }] } : { content: [] } };
  }

  const server = createServer((request, response) => {
    void text(request).then((sent) => {
      const { url = '', headers } = request;
      if (url === '/health') return response.end('{"status":"up"}');
      if (headers.authorization !== `Bearer ${token}`) return response.writeHead(401).end();
      const body = JSON.parse(sent === '' ? '{}' : sent) as Readonly<Record<string, unknown>>;
      return response.end(JSON.stringify(answer(url, body)));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  gateway.origin = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
  return Object.assign(gateway, {
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}
