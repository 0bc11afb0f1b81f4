import type { ServerOptions } from 'node:http';

/**
 * The library's HTTP server, which only the Functions host calls, takes whatever the host lets pass: a request that it
 * refuses is one whose invocation waits in vain. So it has room for all headers that the host takes (32 KiB, escaped and
 * with the host's own), and reads control characters in values. `clientHeaders.ts` is as strict as Node, and answers.
 */
export const serverOptions: ServerOptions = { maxHeaderSize: 128 * 1024, insecureHTTPParser: true };
