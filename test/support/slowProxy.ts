import { request as httpRequest } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { serve } from './serve.ts';

export interface SlowProxy {
  /** The origin of the proxy, in place of the target's. */
  readonly origin: string;
  /** Milliseconds that a request waits before it goes on, by its decoded URL; `never` holds it for good. */
  delay: (url: string) => number | 'never';
  close(): Promise<void>;
}

/** Stands before a server and changes nothing but when its requests come. */
export async function startSlowProxy(target: string): Promise<SlowProxy> {
  const { hostname, port } = new URL(target);
  const served = await serve((incoming, outgoing) => {
    const waitMs = proxy.delay(decodeURIComponent(incoming.url ?? ''));
    if (waitMs === 'never') return;
    setTimeout(() => {
      const { url: path, method, headers } = incoming;
      const onward = httpRequest({ hostname, port, path, method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, outgoing).catch(() => undefined);
      });
      onward.on('error', () => outgoing.destroy());
      pipeline(incoming, onward).catch(() => undefined);
    }, waitMs);
  });
  const proxy: SlowProxy = {
    origin: new URL(served.url).origin,
    delay: () => 0,
    close: () => served.close(),
  };
  return proxy;
}
