import type { ServerOptions } from 'node:http';

/**
 * Options of the library's HTTP server, which only the Functions host calls. The server accepts every request that the host
 * accepts, because the invocation of a rejected request would wait for nothing. So it takes the headers of the host's limit (32
 * KiB, escaped, with the host's own) and control characters in values. `clientHeaders.ts` then rejects what Node would reject,
 * with an answer.
 */
export const serverOptions: ServerOptions = { maxHeaderSize: 128 * 1024, insecureHTTPParser: true };
