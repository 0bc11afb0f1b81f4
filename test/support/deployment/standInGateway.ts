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
  /** Whether it names itself as an authorization server, as it does with a sign-in of its own. */
  signsIn: boolean;
  /** What is wrong with its mcp app. */
  fault: 'takes_every_token' | 'has_no_tool' | 'fails_the_call' | undefined;
  /** The bodies of the events that were raised. */
  readonly events: unknown[];
  stop(): Promise<void>;
}

const metadataOf = ({ origin, signsIn }: { readonly origin: string; readonly signsIn: boolean }) => ({
  resource: `${origin}/mcp`,
  authorization_servers: [...(signsIn ? [origin] : []), 'https://login.microsoftonline.com/t/v2.0'],
});

/** `token` is the only one that it takes. */
export async function standInGateway(token: string): Promise<StandInGateway> {
  const gateway: Omit<StandInGateway, 'stop'> & { origin: string } = {
    origin: '',
    build: '',
    failingGates: new Set(),
    signsIn: true,
    fault: undefined,
    events: [],
  };

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
    const tools = gateway.fault === 'has_no_tool' ? [] : [{ name: 'gateway__list_servers' }];
    return { result: isList ? { tools } : { content: [], isError: gateway.fault === 'fails_the_call' } };
  }

  const server = createServer((request, response) => {
    void text(request).then((sent) => {
      const { url = '', headers } = request;
      if (url === '/health') return response.end('{"status":"up"}');
      if (url === '/.well-known/oauth-protected-resource/mcp')
        return response.end(JSON.stringify(metadataOf(gateway)));
      const isKnown = headers.authorization === `Bearer ${token}` || gateway.fault === 'takes_every_token';
      if (!isKnown) return response.writeHead(401).end();
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
