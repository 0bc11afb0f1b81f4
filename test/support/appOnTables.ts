import { compose } from '../../functions/compose/compose.ts';
import type { AppDeps } from '../../functions/compose/deps.ts';
import { fallback } from '../../functions/http/fallback.ts';
import { matches } from '../../functions/http/paths.ts';
import type { Route } from '../../functions/http/route.ts';
import { serve } from '../../functions/http/serve.ts';
import { managementRoutes } from '../../functions/management/app.ts';
import { mcpRoutes } from '../../functions/mcp/app.ts';
import { signInClientId } from '../../infra/local/defaults.ts';
import { type Role, roles } from '../../shared/identity/access/actor.ts';
import { createDispatcher } from '../../shared/orchestration/engine/dispatcher.ts';
import { azureTableBacklogStore } from '../../shared/orchestration/stores/azureTableBacklog.ts';
import type { App } from '../../shared/platform/config/config.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import { testConfig } from './config.ts';
import { callerTenant, type FakeHttpDeps, fakeHttpDeps } from './httpDeps.ts';

export interface Sent {
  readonly role?: Role;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent as it stands, anything else as JSON. */
  readonly body?: unknown;
}
export interface Told {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where there is none, or it is an event stream. */
  readonly body: unknown;
}

export interface AppOnTables {
  readonly deps: AppDeps;
  readonly http: FakeHttpDeps;
  readonly routes: readonly Route<unknown>[];
  call(method: string, path: string, sent?: Sent): Promise<Told>;
}

/**
 * Returns an app as it composes itself, on these tables and without Redis. Its messages are accepted and go nowhere. A token
 * is the name of a role.
 */
export function appOnTables(app: App, tables: string, more: Partial<AppDeps> = {}): AppOnTables {
  const composed = compose(
    testConfig({
      AZURE_FUNCTIONS_ENVIRONMENT: 'Development',
      MREG_APP: app,
      MREG_TABLES: tables,
      MREG_SIGN_IN_CLIENT_ID: signInClientId,
      MREG_TENANTS: callerTenant,
      MREG_PUBLIC_ORIGIN: 'https://gateway.example',
      MREG_MANAGEMENT_ORIGIN: 'https://gateway.example',
      MREG_PRIVATE_UPSTREAMS: 'allowed',
    }),
  );
  const http = fakeHttpDeps({
    verifyToken: (authorization) => {
      const role = roles.find((name) => authorization === `Bearer ${name}`);
      if (role === undefined) return Promise.resolve({ refusal: 'missing' });
      const who = { tenantId: callerTenant, userId: 'user', kind: 'user', clientId: 'client' } as const;
      const expiresAt = Date.now() + 3_600_000;
      return Promise.resolve({ actor: { ...who, roles: [role], expiresAt } });
    },
  });
  const { log } = http;
  const sender = { send: () => Promise.resolve() };
  const backlog = azureTableBacklogStore(openTables(tables));
  const deps: AppDeps = {
    ...composed,
    log,
    sender,
    dispatcher: createDispatcher({ ...composed, backlog, sender, log }),
    deadLetters: { list: () => Promise.resolve([]), take: () => Promise.resolve(undefined) },
    ...more,
  };
  const routes = app === 'management' ? managementRoutes(deps) : mcpRoutes(deps);
  return {
    deps,
    http,
    routes,
    async call(method, path, { role = 'Admin', headers = {}, body } = {}) {
      const request = new Request(`https://gateway.example${path}`, {
        method,
        headers: {
          authorization: `Bearer ${role}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const { pathname } = new URL(request.url);
      const [route] = routes
        .filter((one) => one.method === method && matches(one.path, pathname))
        .sort((one, other) => (one.name < other.name ? -1 : 1));
      const response = route ? await serve(route, http)(request) : fallback(request, routes, http);
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
      const text = isStream ? '' : await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? undefined : (JSON.parse(text) as unknown),
      };
    },
  };
}
