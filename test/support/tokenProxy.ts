import { request as httpRequest } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { serve, type Served } from './serve.ts';

export interface TokenProxy extends Served {
  /** Where calls go, and as whom. */
  lead(origin: string, token: string): void;
}

/**
 * Gives a client that cannot sign in a token. Where the client names the proxy as `Host`, the app is named; nothing else
 * changes.
 */
export async function startTokenProxy(): Promise<TokenProxy> {
  let target: { readonly origin: string; readonly token: string } | undefined;
  const served = await serve((incoming, outgoing) => {
    const { origin = '', token = '' } = target ?? {};
    const { hostname, port } = new URL(origin);
    const onward = httpRequest(
      {
        hostname,
        port,
        path: incoming.url,
        method: incoming.method,
        headers: {
          ...incoming.headers,
          host: incoming.headers.host?.replace(`:${served.port}`, `:${port}`),
          authorization: `Bearer ${token}`,
        },
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        // Either side may leave in the middle of a stream.
        pipeline(answer, outgoing).catch(() => undefined);
      },
    );
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    pipeline(incoming, onward).catch(() => undefined);
  });
  return {
    ...served,
    lead(origin, token) {
      target = { origin, token };
    },
  };
}
