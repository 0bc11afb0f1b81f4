import { compose } from '../../functions/compose/compose.ts';
import { matches } from '../../functions/http/paths.ts';
import type { Route } from '../../functions/http/route.ts';
import { serve } from '../../functions/http/serve.ts';
import { managementRoutes } from '../../functions/management/app.ts';
import type { Audit } from '../../shared/audit/journal/audit.ts';
import type { Actor } from '../../shared/identity/access/actor.ts';
import { randomSecret } from '../../shared/platform/base/ids.ts';
import { azureTableIdempotencyStore } from '../../shared/platform/http/azureTableIdempotencyStore.ts';
import { azureTableRegistryLinkStore } from '../../shared/registry/links/azureTableRegistryLinkStore.ts';
import { createVisibleServers } from '../../shared/registry/records/visibleServers.ts';
import { azureTableToolsetStore } from '../../shared/registry/toolsets/azureTableToolsetStore.ts';
import { testConfig } from './config.ts';
import { caller } from './engine.ts';
import { type FakeHttpDeps, fakeHttpDeps } from './httpDeps.ts';
import { memoryTables } from './memoryTables.ts';
import type { TestRegistry } from './registrations.ts';

export interface SentRequest {
  readonly body?: unknown;
  /** The body as it stands, in the place of one that is written as JSON. */
  readonly text?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly by?: Partial<Actor>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  /** Empty where the answer has no body. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ManagementRoutes {
  readonly routes: readonly Route<unknown>[];
  readonly send: (method: string, target: string, request?: SentRequest) => Promise<Answered>;
  readonly lines: FakeHttpDeps['lines'];
}

/** The routes of the management app over an engine in memory. The caller is an administrator of the tenant `t1`. */
export function openManagementRoutes(
  run: TestRegistry,
  before?: (operation: string) => void,
): ManagementRoutes {
  const audit: Audit = {
    append: (event) => {
      run.deps.audit.append(event);
    },
    writeAhead: () => Promise.resolve({ end: () => undefined }),
    flush: () => Promise.resolve(),
  };
  const http: FakeHttpDeps = fakeHttpDeps();
  const tables = memoryTables(before);
  const composed = compose(testConfig());
  const { deps } = run;
  const routes = managementRoutes({
    ...composed,
    ...deps,
    audit,
    log: http.log,
    newSecret: randomSecret,
    toolsets: azureTableToolsetStore(tables),
    links: azureTableRegistryLinkStore(tables),
    visibleServers: createVisibleServers({ ...deps, state: deps.shortLived }),
    tasks: () => Promise.resolve(run.tasks),
    idempotencyKeys: azureTableIdempotencyStore(tables),
  });

  async function send(method: string, target: string, request: SentRequest = {}): Promise<Answered> {
    const {
      body,
      key,
      headers = {},
      by,
      text = body === undefined ? undefined : JSON.stringify(body),
    } = request;
    const url = new URL(target, 'https://gateway.example');
    // As the host does: the first that matches, by name.
    const [route] = routes
      .filter((each) => each.method === method && matches(each.path, url.pathname))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    if (!route) throw new Error(`no route takes ${method} ${target}`);
    const actor = { ...caller.actor, ...by };
    const answer = serve(route, { ...http, verifyToken: () => Promise.resolve({ actor }) });
    const response = await answer(
      new Request(url, {
        method,
        headers: {
          authorization: 'Bearer token',
          ...(text !== undefined && { 'content-type': 'application/json' }),
          ...(key !== undefined && { 'idempotency-key': key }),
          ...headers,
        },
        ...(text !== undefined && { body: text }),
      }),
    );
    const answered = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: answered === '' ? {} : (JSON.parse(answered) as Record<string, unknown>),
    };
  }

  return { routes, send, lines: http.lines };
}
