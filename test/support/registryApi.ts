import { decodePath, encodePath } from '@mcp-registry-gateway/functions-host';
import { fallback } from '../../functions/http/fallback.ts';
import { matches } from '../../functions/http/paths.ts';
import type { Route } from '../../functions/http/route.ts';
import { serve } from '../../functions/http/serve.ts';
import { officialRegistryRoutes } from '../../functions/management/officialRegistry/routes.ts';
import { registryLinkRoutes } from '../../functions/management/registryLinks.ts';
import { openAudit } from '../../shared/audit/journal/audit.ts';
import type { TrailStore } from '../../shared/audit/model/trailStore.ts';
import { randomSecret } from '../../shared/platform/base/ids.ts';
import { azureTableRegistryLinkStore } from '../../shared/registry/links/azureTableRegistryLinkStore.ts';
import type { RegistryLinkStore } from '../../shared/registry/links/registryLink.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import type { ServerStore } from '../../shared/registry/records/serverStore.ts';
import { azureTableVersionStore } from '../../shared/registry/versions/azureTableVersionStore.ts';
import type { VersionStore } from '../../shared/registry/versions/versionStore.ts';
import { callerTenant, type FakeHttpDeps, fakeHttpDeps } from './httpDeps.ts';
import { memoryTables } from './memoryTables.ts';
import { memoryTrail } from './memoryTrail.ts';
import { checkOfficialAnswer } from './officialRegistrySchema.ts';

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body; undefined where there is none. */
  readonly body: unknown;
}

export interface RegistryApi {
  /** As Azure hands the call to the app. Every answer is held against the API's schema. `role` `null`: no token. */
  call(
    method: string,
    path: string,
    more?: { role?: string | null; tenantId?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<RegistryAnswer>;
  /** Moves the clock. */
  elapse(ms: number): void;
  /** Everything in the audit trail, as `action resource outcome`. */
  audited(): Promise<readonly string[]>;
  readonly http: FakeHttpDeps;
  readonly versions: VersionStore;
  readonly servers: ServerStore;
  readonly links: RegistryLinkStore;
}

/** The official registry API and its links on tables in memory. `before` runs ahead of every operation of the tables. */
export function registryApi(before?: (operation: string) => void): RegistryApi {
  let now = Date.UTC(2026, 0, 1);
  const clock = { now: () => new Date(now) };
  let tenantId = callerTenant;
  const base = fakeHttpDeps();
  const http: FakeHttpDeps = {
    ...base,
    verifyToken: async (authorization, resource) => {
      const verdict = await base.verifyToken(authorization, resource);
      return 'actor' in verdict ? { actor: { ...verdict.actor, tenantId } } : verdict;
    },
  };
  const tables = memoryTables(before);
  const trail: TrailStore = memoryTrail().store;
  const audit = openAudit({ store: trail, clock, newId: http.newId, log: http.log });
  const versions = azureTableVersionStore(tables);
  const servers = azureTableServerStore(tables);
  const deps = {
    clock,
    audit,
    versions,
    servers,
    newId: http.newId,
    newSecret: randomSecret,
    links: azureTableRegistryLinkStore(tables),
    publicOrigin: 'https://mcp.contoso.com',
  };
  const routes: readonly Route<unknown>[] = [...officialRegistryRoutes(deps), ...registryLinkRoutes(deps)];

  return {
    http,
    versions,
    servers,
    links: deps.links,
    elapse: (ms) => {
      now += ms;
    },
    async audited() {
      await audit.flush();
      const { rows } = await trail.records(callerTenant, {}, 100);
      return rows
        .map(({ document }) => document as { action: string; resource: string; outcome: string })
        .map(({ action, resource, outcome }) => `${action} ${resource} ${outcome}`);
    },
    async call(method, path, { role = 'Admin', tenantId: caller = callerTenant, body, headers = {} } = {}) {
      tenantId = caller;
      const [rawPath = '', query] = path.split('?');
      const url = `https://gateway.example${encodePath(decodePath(rawPath))}${query === undefined ? '' : `?${query}`}`;
      const request = new Request(url, {
        method,
        headers: {
          ...(role !== null && { authorization: `Bearer ${role}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const route = routes
        .filter((one) => one.method === method && matches(one.path, new URL(url).pathname))
        .sort((one, other) => (one.name < other.name ? -1 : 1))[0];
      const response = route ? await serve(route, http)(request) : fallback(request, routes, http);
      const text = await response.text();
      const answer = {
        status: response.status,
        headers: response.headers,
        body: text === '' ? undefined : (JSON.parse(text) as unknown),
      };
      if (route) checkOfficialAnswer(method, path, answer);
      return answer;
    },
  };
}
