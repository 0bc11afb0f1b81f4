import { app as host } from '@azure/functions';
import { describe, expect, test, vi } from 'vitest';
import { compose } from '../../../functions/compose/compose.ts';
import type { AppDeps } from '../../../functions/compose/deps.ts';
import { matches } from '../../../functions/http/paths.ts';
import { FALLBACK_NAME } from '../../../functions/http/register.ts';
import type { Route } from '../../../functions/http/route.ts';
import { type HttpDeps, serve } from '../../../functions/http/serve.ts';
import { managementRoutes, registerApp as registerManagement } from '../../../functions/management/app.ts';
import { mcpRoutes, registerApp as registerMcp } from '../../../functions/mcp/app.ts';
import { type Actor, roles } from '../../../shared/identity/access/actor.ts';
import { isPermitted } from '../../../shared/identity/access/permissions.ts';
import { REPORTS_QUEUE } from '../../../shared/orchestration/engine/recordReport.ts';
import { agentNames, agents } from '../../../shared/orchestration/model/agents.ts';
import type { App } from '../../../shared/platform/config/config.ts';
import { testConfig } from '../../support/config.ts';
import { fakeHttpDeps } from '../../support/httpDeps.ts';
import { storeNames } from '../../support/storeNames.ts';

const tenants = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];

/** As an app composes itself; nothing is connected before it is used, and no test here uses it. */
const composed = (app: App): AppDeps => compose(testConfig({ MREG_APP: app, MREG_TENANTS: tenants.join() }));

const apps: [App, readonly Route<unknown>[], AppDeps][] = [
  ['management', managementRoutes(composed('management')), composed('management')],
  ['mcp', mcpRoutes(composed('mcp')), composed('mcp')],
];

/** A path that a template takes, and that no literal of any template is. */
const example = (template: string): string => `/${template.replace(/\{\*?(\w+)\}/g, 'some-$1')}`;

/** Composed of stores that throw when anyone asks them. */
function withoutStores(app: App): AppDeps {
  const refuse = new Proxy(
    {},
    {
      get: () => () => {
        throw new Error('a store was asked');
      },
    },
  );
  const deps = composed(app);
  const others = ['sessions', 'pools', 'shortLived', 'trail', 'audit', 'deadLetters', 'progress'];
  return { ...deps, ...Object.fromEntries([...storeNames, ...others].map((name) => [name, refuse])) };
}
const storeless: Readonly<Record<App, readonly Route<unknown>[]>> = {
  management: managementRoutes(withoutStores('management')),
  mcp: mcpRoutes(withoutStores('mcp')),
};

/** What a path may hold and nothing is named, with the reason why it was tried. */
const oddIds: Readonly<Record<string, string>> = {
  '%F0%9F%98%80': 'an emoji: half of it makes no table key',
  '%ED%A0%BD': 'half a surrogate pair, which is no UTF-8',
  '%00': 'a control character',
  '%7F': 'another',
  'a%0Ab': 'a line break',
  'a%2Fb': 'a slash, illegal in a table key',
  'a%252Fb': 'the same as Azure writes it',
  'a%5Cb': 'a backslash, illegal too',
  'a%23b': 'a number sign, illegal too',
  'a%3Fb': 'a question mark, illegal too',
  'a%27b': 'a quote, which ends a text in a filter',
  '%': 'no escape',
  '%20': 'a space',
  [`a${'b'.repeat(10_240)}`]: 'longer than any key',
};

/** Origins of pages that look like the allowed one, or like none. */
const foreignOrigins = [
  'null',
  'https://evil.example',
  'https://app.contoso.com.evil.example',
  'https://evil-app.contoso.com',
  'http://app.contoso.com',
  'https://app.contoso.com:8443',
  'https://app.contoso.com/',
  'https://gateway.example',
  'file://',
];

const anonymous: Readonly<Record<App, readonly string[]>> = {
  management: ['GET health', 'GET r/{secret}/v0.1/servers/{*rest}', 'GET r/{secret}/v0/servers/{*rest}'],
  mcp: [
    'GET .well-known/oauth-protected-resource',
    'GET .well-known/oauth-protected-resource/mcp',
    'GET .well-known/oauth-protected-resource/servers/{slug}/mcp',
    'GET .well-known/oauth-protected-resource/toolsets/{slug}/mcp',
    'GET health',
  ],
};

const timers: Readonly<Record<App, readonly string[]>> = {
  management: ['health-sweep', 'history-purge', 'registry-sync', 'state-purge', 'sweeper'],
  mcp: ['catalogue-refresh'],
};
const agentsAt = (home: App): string[] =>
  agentNames.filter((agent) => agents[agent] === home).map((agent) => `agent-${agent}`);
const queueFunctions: Readonly<Record<App, readonly string[]>> = {
  management: [...agentsAt('management'), REPORTS_QUEUE],
  mcp: agentsAt('mcp'),
};

/** Every function that an app registers at the host, with its kind of trigger. */
function registrationsOf(app: App): { readonly kind: string; readonly name: string }[] {
  const registered: { kind: string; name: string }[] = [];
  const spies = (['http', 'timer', 'serviceBusQueue'] as const).map((kind) =>
    vi.spyOn(host, kind).mockImplementation((name: string) => {
      registered.push({ kind, name });
    }),
  );
  const register = app === 'management' ? registerManagement : registerMcp;
  register(compose(testConfig({ MREG_APP: app, MREG_UPSTREAM_REGISTRY: 'https://registry.example' })));
  for (const spy of spies) spy.mockRestore();
  return registered;
}

describe.each(apps)('the %s app', (app, routes, deps) => {
  test('has routes', () => {
    expect(routes.length).toBeGreaterThan(2);
  });

  test('names its functions legally, once each, and the fallback after all of them', () => {
    const registered = registrationsOf(app);
    const names = registered.map(({ name }) => name);
    for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9-]{0,126}$/);
    expect(new Set(names).size).toBe(names.length);
    expect(names.toSorted().at(-1)).toBe(FALLBACK_NAME);
    expect(names.toSorted((a, b) => a.localeCompare(b)).at(-1)).toBe(FALLBACK_NAME);
    const of = (kind: string) => registered.filter((one) => one.kind === kind).map(({ name }) => name);
    expect(of('http').toSorted()).toEqual([...routes.map(({ name }) => name), FALLBACK_NAME].toSorted());
    expect(of('timer').toSorted()).toEqual(timers[app]);
    expect(of('serviceBusQueue').toSorted()).toEqual(queueFunctions[app].toSorted());
  });

  test('hides no route behind another that the host tries first', () => {
    for (const route of routes) {
      const takers = routes
        .filter(({ method, path }) => method === route.method && matches(path, example(route.path)))
        .map(({ name }) => name)
        .sort();
      expect(takers[0]).toBe(route.name);
    }
  });

  test('keeps clear of the paths that the host keeps for itself', () => {
    for (const { path } of routes) {
      expect(path).toMatch(/^(?!admin|runtime)[a-z.]/);
      expect(path.replace(/\/\{\*\w+\}$/, '')).not.toMatch(/^\/|\/$|\/\/|[?#*:]/);
    }
  });

  const admin = { authorization: 'Bearer Admin' };
  const withId = storeless[app].flatMap((route) =>
    [...route.path.matchAll(/\{(\w+)\}/g)].map(
      ([, parameter = '']) => [route.name, parameter, route] as const,
    ),
  );
  test.each(withId)(
    '%s answers 404 to a %s that can name nothing, and asks no store',
    async (_, name, route) => {
      for (const [id, why] of Object.entries(oddIds)) {
        const path = example(route.path.replace(`{${name}}`, () => id));
        const response = await serve(
          route,
          fakeHttpDeps(),
        )(new Request(`https://gateway.example${path}`, { method: route.method, headers: admin }));
        expect([why, response.status]).toEqual([why, 404]);
      }
    },
  );

  test.each(routes.map((route) => [route.name, route] as const))(
    '%s answers 421 under the name of another, before it looks at anything',
    async (_, route) => {
      const http = fakeHttpDeps();
      const response = await serve(
        route,
        http,
      )(new Request(`https://evil.example${example(route.path)}`, { method: route.method, headers: admin }));
      expect(response.status).toBe(route.name === 'health' ? 200 : 421);
      expect(http.judged).toEqual([]);
    },
  );

  test('lets nobody in without a token but where everyone may know', () => {
    const open = routes.filter(({ permission }) => permission === 'anonymous');
    expect(open.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(anonymous[app]);
  });

  test('asks for a permission that some role has', () => {
    for (const { permission } of routes) {
      if (permission === 'anonymous') continue;
      const everyone: Actor = {
        tenantId: '',
        userId: '',
        kind: 'user',
        clientId: '',
        roles,
        expiresAt: 0,
      };
      expect(isPermitted(everyone, permission)).toBe(true);
      expect(isPermitted({ ...everyone, roles: [] }, permission)).toBe(false);
    }
  });

  test.each(storeless[app].map((route) => [route.name, route] as const))(
    '%s lets no page of a foreign origin send the cookies of its user, and no guarded one answers it',
    async (_, route) => {
      for (const origin of foreignOrigins) {
        const path = example(route.path);
        const headers = { authorization: 'Bearer Admin', origin };
        const request = new Request(`https://gateway.example${path}`, { method: route.method, headers });
        const response = await serve(route, fakeHttpDeps())(request);
        expect([origin, response.headers.has('access-control-allow-credentials')]).toEqual([origin, false]);
        if (route.permission === 'anonymous' || route.pages === 'every') continue;
        expect([origin, response.status]).toEqual([origin, 403]);
        expect([origin, response.headers.get('access-control-allow-origin')]).toEqual([origin, null]);
      }
    },
  );

  test('is open to the pages of every origin only where it reads', () => {
    for (const { method, pages } of routes) if (pages === 'every') expect(method).toBe('GET');
  });

  const guarded = routes.filter(({ permission }) => permission !== 'anonymous');
  const call = (route: Route<unknown>, http: HttpDeps, headers: Record<string, string>) =>
    serve(
      route,
      http,
    )(
      new Request(`https://gateway.example${example(route.path)}?tenant=x`, {
        method: route.method,
        headers,
      }),
    );

  test.each(guarded.map((route) => [route.name, route] as const))(
    '%s answers 401 with a challenge to whoever has no token, before it looks at anything',
    async (_, route) => {
      const { log, ownHosts, resource } = fakeHttpDeps();
      const http = { ...deps, log, ownHosts, resource };
      for (const headers of [{}, { authorization: 'Bearer a.b.c' }, { authorization: 'Basic YTpi' }]) {
        const response = await call(route, http, headers);
        expect(response.status).toBe(401);
        const scope = app === 'management' ? 'api://' : 'https://mcp.contoso.com/';
        expect(response.headers.get('www-authenticate')).toContain(` scope="${scope}`);
        const body = await response.text();
        expect(body).toContain('access token');
        expect(body).not.toContain('some-');
      }
    },
  );

  test.each(guarded.map((route) => [route.name, route] as const))(
    '%s answers 403 to roles that may not, and to pages of other origins',
    async (_, route) => {
      const http = fakeHttpDeps();
      const mayNot = roles.filter(
        (role) =>
          route.permission !== 'anonymous' && !isPermitted({ tenantId: '', roles: [role] }, route.permission),
      );
      for (const role of mayNot) {
        expect((await call(route, http, { authorization: `Bearer ${role}` })).status).toBe(403);
      }
      if (route.pages === 'every') return;
      const page = { authorization: 'Bearer Admin', origin: 'https://evil.example' };
      expect((await call(route, http, page)).status).toBe(403);
    },
  );
});

test('the two apps have the same health and nothing else in common', () => {
  const [management, mcp] = apps.map(([, routes]) => routes.map(({ name }) => name));
  expect(management?.filter((name) => mcp?.includes(name))).toEqual(['health']);
});

test('health says "up" to everyone and nothing else', async () => {
  const health = mcpRoutes(composed('mcp')).find(({ name }) => name === 'health');
  const response = await serve(
    health as Route,
    fakeHttpDeps(),
  )(new Request('https://gateway.example/health'));
  expect([response.status, await response.json()]).toEqual([200, { status: 'up' }]);
  expect(response.headers.get('cache-control')).toBe('no-store');
});
