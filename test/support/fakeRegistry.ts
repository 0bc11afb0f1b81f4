import type { IncomingMessage, ServerResponse } from 'node:http';
import { serve } from './serve.ts';
import { serverJson } from './serverJson.ts';

/** An entry as another registry lists it: `com.example/inventory` 1.0.0, or as a test wants it. */
export function upstreamEntry(
  server: Readonly<Record<string, unknown>> = {},
  official: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const at = '2025-11-01T10:00:00.123456Z';
  return {
    server: serverJson(server),
    _meta: {
      'io.modelcontextprotocol.registry/official': {
        status: 'active',
        statusChangedAt: at,
        publishedAt: at,
        updatedAt: at,
        isLatest: true,
        ...official,
      },
    },
  };
}

export interface FakeRegistry {
  /** Base URL of its API. */
  readonly url: string;
  /** What it lists, page by page; a page's cursor is `page-{number}`. */
  pages: (readonly unknown[])[];
  /** Answers in place of a page, when there is one for the request. */
  instead: (query: URLSearchParams, response: ServerResponse) => boolean;
  /** The queries that it was asked, in their order. */
  readonly asked: URLSearchParams[];
  close(): Promise<void>;
}

/** A registry over HTTP on loopback that lists what a test says, or does what no registry should. */
export async function startFakeRegistry(prefix = ''): Promise<FakeRegistry> {
  const asked: URLSearchParams[] = [];
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://registry.example');
    if (url.pathname !== `${prefix}/v0.1/servers`) {
      response.writeHead(404).end();
      return;
    }
    asked.push(url.searchParams);
    if (registry.instead(url.searchParams, response)) return;
    const page = Number(url.searchParams.get('cursor')?.replace('page-', '') ?? 0);
    const nextCursor = page + 1 < registry.pages.length ? `page-${page + 1}` : undefined;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ servers: registry.pages[page] ?? [], metadata: { nextCursor } }));
  };
  const served = await serve(handle);
  const registry: FakeRegistry = {
    url: `http://127.0.0.1:${served.port}${prefix}`,
    pages: [],
    instead: () => false,
    asked,
    close: () => served.close(),
  };
  return registry;
}
