import { app as host, type HttpHandler, HttpRequest, InvocationContext } from '@azure/functions';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { compose } from '../../../functions/compose/compose.ts';
import type { AppDeps } from '../../../functions/compose/deps.ts';
import { FALLBACK_NAME } from '../../../functions/http/register.ts';
import type { Route } from '../../../functions/http/route.ts';
import { managementRoutes, registerApp as registerManagement } from '../../../functions/management/app.ts';
import { mcpRoutes, registerApp as registerMcp } from '../../../functions/mcp/app.ts';
import { roles } from '../../../shared/identity/access/actor.ts';
import { createCachedVerifier } from '../../../shared/identity/tokens/cachedVerifier.ts';
import type { TokenKind } from '../../../shared/identity/tokens/tokenClaims.ts';
import { tokenSettingsOf } from '../../../shared/identity/tokens/tokenFacts.ts';
import { createTokenVerifier, type TokenVerifier } from '../../../shared/identity/tokens/verifyToken.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { type App, type Config } from '../../../shared/platform/config/config.ts';
import { testConfig } from '../../support/config.ts';
import { fakeHttpDeps } from '../../support/httpDeps.ts';
import { routeAccess } from '../../support/routeAccess.ts';
import { storeNames } from '../../support/storeNames.ts';
import {
  createMints,
  type Mint,
  revokedUser,
  secondTenant,
  tenant,
  type TokenCase,
  tokenCases,
} from '../../support/tokenCases.ts';

const authority = 'https://login.example';
const now = new Date();
const clock = { now: () => now };
const unlimited = { perSecond: 100_000, burst: 1_000_000 };
const configOf = (app: App): Config =>
  testConfig({
    MREG_APP: app,
    MREG_TENANTS: [tenant, secondTenant].join(),
    MREG_SIGN_IN_CLIENT_ID: '6d2b8f04-3e7a-4c95-8b1d-a0c9e4f7d512',
    // The matrix sends thousands of requests from one address.
    MREG_RATE_LIMITS: JSON.stringify({ address: unlimited, principal: unlimited }),
  });
const { publicOrigin, managementOrigin, apiClientId } = configOf('mcp');

let mints: Awaited<ReturnType<typeof createMints>>;
beforeAll(async () => {
  mints = await createMints({ authority, apiClientId, publicOrigin, now });
});

/** The verifier of the apps. Entra's keys come from no network. */
function verifierOf(config: Config): TokenVerifier {
  const keys = () => Promise.resolve(Buffer.from(JSON.stringify({ keys: mints.entraKeys })));
  const outbound = { request: () => Promise.resolve(succeed({ statusCode: 200, body: { bytes: keys } })) };
  return createCachedVerifier(
    createTokenVerifier(tokenSettingsOf(config, authority), { clock, outbound }),
    clock,
  );
}

/** An app as it composes itself, but that each of its stores throws when it is asked. */
function depsOf(app: App, more: Partial<AppDeps> = {}): AppDeps {
  const config = configOf(app);
  const composed = compose(config);
  const refused = () => Promise.reject(new Error('a store was asked'));
  const refuse = new Proxy({}, { get: () => refused });
  const others = ['reports', 'sessions', 'pools', 'shortLived', 'state', 'trail', 'audit', 'idempotencyKeys'];
  const queues = ['sender', 'dispatcher', 'deadLetters', 'progress', 'loads', 'outbound', 'activity'];
  return {
    ...composed,
    ...Object.fromEntries([...storeNames, ...others, ...queues].map((name) => [name, refuse])),
    broker: composed.broker && {
      ...composed.broker,
      ...Object.fromEntries(
        ['clients', 'registeredClients', 'grants', 'consents', 'codes'].map((name) => [name, refuse]),
      ),
      issueToken: refused,
      authenticateClient: refused,
    },
    audit: { ...composed.audit, append: () => undefined },
    watch: () => undefined,
    log: fakeHttpDeps().log,
    verifyToken: verifierOf(config),
    limits: { takeOfAddress: () => undefined, takeOfPrincipal: () => undefined },
    isRevoked: ({ userId }) => Promise.resolve(userId === revokedUser),
    ...more,
  };
}

const idOf = ({ method, path }: Pick<Route<unknown>, 'method' | 'path'>): string => `${method} ${path}`;

interface Target {
  readonly id: string;
  readonly url: string;
  readonly resource: string;
  readonly ask: (
    authorization: string | undefined,
  ) => Promise<{ readonly status: number; readonly challenge: string | null }>;
}

/** Every route as the app registers it at the host. */
function targetsOf(app: App, more?: Partial<AppDeps>): readonly Target[] {
  const handlers = new Map<string, HttpHandler>();
  const spies = (['http', 'timer', 'serviceBusQueue'] as const).map((kind) =>
    vi.spyOn(host, kind).mockImplementation((name: string, options: object) => {
      if (kind === 'http') handlers.set(name, (options as { handler: HttpHandler }).handler);
    }),
  );
  const deps = depsOf(app, more);
  if (app === 'management') registerManagement(deps);
  else registerMcp(deps);
  for (const spy of spies) spy.mockRestore();
  const routes = app === 'management' ? managementRoutes(deps) : mcpRoutes(deps);
  expect([...handlers.keys()].toSorted()).toEqual(
    [...routes.map(({ name }) => name), FALLBACK_NAME].toSorted(),
  );
  const origin = app === 'management' ? managementOrigin : publicOrigin;
  return routes.map((route) => {
    const url = `${origin}/${route.path.replace(/\{\*?(\w+)\}/g, 'some-$1')}`;
    return {
      id: idOf(route),
      url,
      resource: app === 'management' ? managementOrigin : url,
      async ask(authorization) {
        const headers = { ...(authorization !== undefined && { authorization }) };
        const request = new HttpRequest({ method: route.method, url, headers });
        const answer = await handlers.get(route.name)?.(
          request,
          new InvocationContext({ functionName: route.name }),
        );
        const { status, headers: given } = answer as Response;
        return { status, challenge: given.get('www-authenticate') };
      },
    };
  });
}

/** The challenge of a route (RFC 6750, section 3; RFC 9728, section 5.1). */
function challengeOf(app: App, { url }: Target, { code, says }: Pick<TokenCase, 'code' | 'says'>): string {
  const wellKnown = '.well-known/oauth-protected-resource';
  const metadata =
    app === 'mcp'
      ? url.replace(publicOrigin, `${publicOrigin}/${wellKnown}`)
      : `${managementOrigin}/${wellKnown}`;
  return `Bearer ${[
    `resource_metadata="${metadata}"`,
    ...(code === undefined ? [] : [`error="${code}"`, `error_description="${says ?? ''}"`]),
    app === 'mcp' ? `scope="${url}/mcp.access"` : `scope="api://${apiClientId}/mcp.access"`,
  ].join(', ')}`;
}

const accessOf = (app: App, { id }: Target) => routeAccess[app][id];
/** A route without a row fails a test of its own. */
const guarded = (app: App, targets: readonly Target[]) =>
  targets.filter((target) => (accessOf(app, target) ?? 'anyone') !== 'anyone');
const open = (app: App, targets: readonly Target[]) =>
  targets.filter((target) => accessOf(app, target) === 'anyone');

const apps = ['management', 'mcp'] as const;
const kinds = ['entra', 'gateway'] as const satisfies readonly TokenKind[];

test.each(apps)('the %s app: each route has a row, and each row a route', (app) => {
  expect(
    targetsOf(app)
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual(Object.keys(routeAccess[app]).toSorted());
});

test.each(kinds)('a token of %s has the 17 cases of the matrix', (kind) => {
  expect(new Set(tokenCases[kind].map(({ name }) => name)).size).toBe(17);
});

describe.each(apps.flatMap((app) => kinds.map((kind) => [app, kind] as const)))(
  'every route of the %s app, asked with a token of %s',
  (app, kind) => {
    let targets: readonly Target[];
    beforeAll(() => {
      targets = targetsOf(app);
    });
    const mintFor = ({ resource }: Target): Mint => mints.mint(kind, resource);

    test.each(tokenCases[kind].map((one) => [one.name, one] as const))('%s', async (_, one) => {
      const { status, isUnchallenged } = one;
      const answers: Record<string, unknown> = {};
      const expected: Record<string, unknown> = {};
      for (const target of guarded(app, targets)) {
        answers[target.id] = await target.ask(await one.send(mintFor(target)));
        expected[target.id] = { status, challenge: isUnchallenged ? null : challengeOf(app, target, one) };
      }
      expect(answers).toEqual(expected);
      expect(Object.keys(answers).length).toBeGreaterThan(8);
    });

    test('admits exactly the roles of its row', async () => {
      for (const target of guarded(app, targets)) {
        for (const role of roles) {
          const token = await mintFor(target).sign({ roles: [`Gateway.${role}`] });
          const { status, challenge } = await target.ask(`Bearer ${token}`);
          const isAdmitted = accessOf(app, target)?.includes(role) === true;
          // What follows the admission asks a store, or wants a body. Another token would not help whose role may not.
          expect([target.id, role, status === 403 || status === 401, challenge]).toEqual([
            target.id,
            role,
            !isAdmitted,
            null,
          ]);
        }
      }
    });

    test('where everyone may ask, the token is ignored', async () => {
      for (const target of open(app, targets)) {
        const without = await target.ask(undefined);
        for (const { send } of tokenCases[kind])
          expect([target.id, await target.ask(await send(mintFor(target)))]).toEqual([target.id, without]);
      }
    });
  },
);

test.each(apps)('the %s app admits a token of the gateway at no resource but its own', async (app) => {
  const targets = targetsOf(app);
  const resources = new Set(
    [...targetsOf('management'), ...targetsOf('mcp')].map(({ resource }) => resource),
  );
  for (const target of guarded(app, targets))
    for (const resource of resources) {
      const token = await mints.mint('gateway', resource).sign();
      const { status } = await target.ask(`Bearer ${token}`);
      expect([target.id, resource, status === 401]).toEqual([
        target.id,
        resource,
        resource !== target.resource,
      ]);
    }
});

test.each(apps)('the %s app refuses everybody while it is unknown who is revoked', async (app) => {
  const outage = new InfrastructureError('tables', 'read revocations', new Error('canary'));
  const targets = targetsOf(app, { isRevoked: () => Promise.reject(outage) });
  for (const target of guarded(app, targets))
    for (const kind of kinds) {
      const token = await mints.mint(kind, target.resource).sign();
      expect([target.id, await target.ask(`Bearer ${token}`)]).toEqual([
        target.id,
        { status: 503, challenge: null },
      ]);
    }
});
