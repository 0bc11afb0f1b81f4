import type { ServerOptions } from 'node:http';

/**
 * Options of the library's HTTP server. Only the Functions host calls it. It must accept every request that the host accepts,
 * since the invocation of a rejected request waits in vain. So it takes all headers that the host takes (32 KiB, escaped and
 * with the host's own), and control characters in values. `clientHeaders.ts` then applies the limits of Node.
 */
export const serverOptions: ServerOptions = { maxHeaderSize: 128 * 1024, insecureHTTPParser: true };
