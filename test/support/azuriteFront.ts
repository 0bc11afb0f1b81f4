import { once } from 'node:events';
import { createServer, request as send } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Certificate } from './certificate.ts';
import type { TlsFront } from './tlsFront.ts';

/**
 * Azurite as an account under its own host name. Azurite takes the account from the host name, except in the parts of a batch: it
 * expects their URLs to begin with the account. This puts it there.
 */
export async function azuriteFront(
  { certificate, key }: Certificate,
  { account, host, port }: { readonly account: string; readonly host: string; readonly port: number },
): Promise<TlsFront> {
  const server = createServer({ cert: certificate, key }, (incoming, answer) => {
    void (async () => {
      const { method, url = '', headers } = incoming;
      const received = await buffer(incoming);
      const body = url.endsWith('/$batch')
        ? received.toString().replaceAll(`https://${host}/`, `https://${host}/${account}/`)
        : received;
      const forwarded = send(
        {
          port,
          host: 'localhost',
          ca: certificate,
          method,
          path: url,
          headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          answer.writeHead(response.statusCode ?? 502, response.headers);
          response.pipe(answer);
        },
      );
      forwarded.on('error', () => answer.destroy());
      forwarded.end(body);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}
