import type { ServerOptions } from 'node:http';

/**
 * Options of the library's HTTP server, which only the Functions host calls. The server accepts every request that the host
 * accepts, because the invocation of a refused request waits in vain. So it has room for the headers of the host's limit (32
 * KiB, escaped, with the host's own), and reads control characters in values. `clientHeaders.ts` then is as strict as Node, and
 * answers.
 */
export const serverOptions: ServerOptions = { maxHeaderSize: 128 * 1024, insecureHTTPParser: true };
