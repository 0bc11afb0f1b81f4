import { describe, expect, test } from 'vitest';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { caller } from '../../support/engine.ts';
import { type Answered, openManagementRoutes, type SentRequest } from '../../support/managementRoutes.ts';
import { testRegistry } from '../../support/registrations.ts';

const DAY_SECONDS = 24 * 3_600;
const url = 'https://mcp.example.com/mcp';
const a = { slug: 'a', url };
const key = 'k1';

/** The routes over a registry in memory, with the servers `a` and `b` if wanted. */
async function opened({ servers = [] as readonly string[] } = {}) {
  const run = testRegistry();
  const routes = openManagementRoutes(run);
  for (const slug of servers) await routes.send('POST', '/servers', { body: { slug, url } });
  await run.pump();
  const statusOf = async (slug: string) => (await run.deps.servers.find('t1', slug))?.value.status;
  return {
    ...run,
    ...routes,
    statusOf,
    pump: () => run.pump(),
    advance: (seconds: number) => {
      run.advance(seconds);
    },
  };
}
const planOf = ({ body }: Answered) => (body['plan'] as { id: string } | undefined)?.id;
const used = { status: 409, body: { kind: 'already_exists', errors: [{ path: 'Idempotency-Key' }] } };

describe('the same request under the same key', () => {
  test('registers a server once, and says how that went on', async () => {
    const { send, pump, runs } = await opened();
    const first = await send('POST', '/servers', { body: a, key });
    await pump();
    const second = await send('POST', '/servers?wait=1', { body: { url, slug: 'a' }, key });
    expect(second).toMatchObject({ status: 202, body: { slug: 'a', status: 'active' } });
    expect(planOf(second)).toBe(planOf(first));
    expect(runs).toHaveLength(1);
  });

  test('names the plan of the registration, also when the server was changed since', async () => {
    const { send, pump } = await opened();
    const first = await send('POST', '/servers', { body: a, key });
    await pump();
    await send('PUT', '/servers/a', { body: { url, title: 'Two' } });
    await pump();
    const second = await send('POST', '/servers', { body: a, key });
    expect(planOf(second)).toBe(planOf(first));
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
  });

  test('changes a server once, whatever has changed since, and with the ETag of before', async () => {
    const { send, pump, deps } = await opened({ servers: ['a'] });
    const etag = (await deps.servers.find('t1', 'a'))?.etag ?? '';
    const change = { body: { url, title: 'One' }, key, headers: { 'if-match': etag } };
    const first = await send('PUT', '/servers/a', change);
    await pump();
    await send('PUT', '/servers/a', { body: { url, title: 'Two' }, key: 'k2' });
    await pump();
    const second = await send('PUT', '/servers/a', change);
    expect(second).toMatchObject({ status: 202, body: { plan: { state: 'succeeded' } } });
    expect(planOf(second)).toBe(planOf(first));
    await pump();
    expect((await deps.servers.find('t1', 'a'))?.value.title).toBe('Two');
  });

  test('removes a server once, and is told so again', async () => {
    const { send, pump, statusOf } = await opened({ servers: ['a'] });
    const first = await send('DELETE', '/servers/a?wait=0', { key });
    await pump();
    expect([first.status, (await send('DELETE', '/servers/a', { key })).status]).toEqual([202, 204]);
    expect(await statusOf('a')).toBeUndefined();
  });

  test.each<[path: string, body: object]>([
    ['/resource-pools/allocations', { operation: 'system_report' }],
    ['/sessions', {}],
    ['/toolsets', { slug: 'set', title: 'Set', tools: [] }],
    ['/v0.1/publish', { name: 'com.example/one', description: 'One', version: '1.0.0' }],
  ])('POST %s makes one thing, and is answered as the first', async (path, body) => {
    const { send } = await opened();
    const [first, second] = [
      await send('POST', path, { body, key }),
      await send('POST', path, { body, key }),
    ];
    expect(first.status).toBeLessThan(300);
    expect(second).toMatchObject({ status: first.status, body: first.body });
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
  });

  test('replaces a toolset once: what came after it stays', async () => {
    const { send } = await opened();
    await send('POST', '/toolsets', { body: { slug: 'set', title: 'Set', tools: [] } });
    const one = { body: { title: 'One', tools: [] }, key };
    const first = await send('PUT', '/toolsets/set', one);
    await send('PUT', '/toolsets/set', { body: { title: 'Two', tools: [] } });
    expect(await send('PUT', '/toolsets/set', one)).toMatchObject({ status: 200, body: first.body });
    expect((await send('GET', '/toolsets/set')).body['title']).toBe('Two');
  });

  test('shows the secret of a registry link once', async () => {
    const { send } = await opened();
    const body = { name: 'readers' };
    const first = await send('POST', '/registry-links', { body, key });
    expect(first.body['path']).toMatch(/^\/r\//);
    const second = await send('POST', '/registry-links', { body, key });
    expect([second.status, second.body]).toEqual([201, {}]);
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    expect((await send('GET', '/registry-links')).body['items']).toHaveLength(1);
  });

  test('begins one piece of work, also when both are sent at once', async () => {
    const { send, deps } = await opened();
    const [first, second] = await Promise.all([1, 2].map(() => send('POST', '/servers', { body: a, key })));
    expect([first?.status, second?.status]).toEqual([202, 202]);
    expect(first && planOf(first)).toBe(second && planOf(second));
    expect((await deps.plans.list('t1', {}, 9)).items).toHaveLength(1);
  });

  test('waits where it is not to be handled twice, while the first is being handled', async () => {
    const { send } = await opened();
    const sent = await Promise.all([1, 2].map(() => send('POST', '/sessions', { body: {}, key })));
    const [made, waits] = sent.sort((one, other) => one.status - other.status);
    expect([made?.status, waits?.status]).toEqual([201, 409]);
    expect(waits?.headers.get('retry-after')).toBe('1');
    expect(await send('POST', '/sessions', { body: {}, key })).toMatchObject({
      status: 201,
      body: made?.body,
    });
  });

  test('is handled again when it failed, with what has changed since', async () => {
    const { send, pump, statusOf } = await opened();
    expect((await send('DELETE', '/servers/a', { key })).status).toBe(404);
    await send('POST', '/servers', { body: a });
    await pump();
    expect((await send('DELETE', '/servers/a?wait=0', { key })).status).toBe(202);
    await pump();
    expect(await statusOf('a')).toBeUndefined();
    expect(
      (await send('POST', '/toolsets', { body: { slug: 's', title: 'S', tools: [], x: 1 }, key: 'k2' }))
        .status,
    ).toBe(400);
    expect(
      (await send('POST', '/toolsets', { body: { slug: 's', title: 'S', tools: [] }, key: 'k2' })).status,
    ).toBe(201);
  });

  test('is another request of another user and of another tenant', async () => {
    const { send } = await opened();
    const sent = await Promise.all(
      [{}, { userId: 'u2' }, { tenantId: 't2' }].map((by) =>
        send('POST', '/sessions', { body: {}, key, by }),
      ),
    );
    expect(sent.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(sent.map(({ body }) => body['id'])).size).toBe(3);
  });

  test('is a new request after a day', async () => {
    const { send, pump, advance } = await opened();
    const first = await send('POST', '/servers', { body: a, key });
    await pump();
    advance(DAY_SECONDS - 1);
    expect(planOf(await send('POST', '/servers', { body: a, key }))).toBe(planOf(first));
    advance(2);
    const other = await send('POST', '/servers', { body: { ...a, slug: 'b' }, key });
    expect(other.status).toBe(202);
    expect(planOf(other)).not.toBe(planOf(first));
  });
});

describe('another request under the same key is 409, and does nothing', () => {
  const work = { agent: 'mcp-orchestrator', task: 'register_servers' };
  test.each<[what: string, first: [string, string, SentRequest], second: [string, string, SentRequest]]>([
    [
      'another server',
      ['POST', '/servers', { body: a }],
      ['POST', '/servers', { body: { ...a, slug: 'c' } }],
    ],
    [
      'another content',
      ['PUT', '/servers/a', { body: { url } }],
      ['PUT', '/servers/a', { body: { url, title: 'T' } }],
    ],
    [
      'a change of another',
      ['PUT', '/servers/a', { body: { url } }],
      ['PUT', '/servers/b', { body: { url } }],
    ],
    ['a refresh of another', ['POST', '/servers/a/refresh', {}], ['POST', '/servers/b/refresh', {}]],
    ['a removal of another', ['DELETE', '/servers/a?wait=0', {}], ['DELETE', '/servers/b?wait=0', {}]],
    [
      'a removal on a condition',
      ['DELETE', '/servers/a?wait=0', {}],
      ['DELETE', '/servers/a?wait=0', { headers: { 'if-match': '1' } }],
    ],
    [
      'other servers',
      ['POST', '/servers/bulk', { body: { servers: [a] } }],
      ['POST', '/servers/bulk', { body: { servers: [{ ...a, slug: 'c' }] } }],
    ],
    [
      'another document',
      ['POST', '/servers/import', { body: { document: { servers: { x: { url } } } } }],
      ['POST', '/servers/import', { body: { document: { servers: { y: { url } } } } }],
    ],
    [
      'another plan',
      ['POST', '/plans', { body: { name: 'server_removal', input: { slug: 'a' } } }],
      ['POST', '/plans', { body: { name: 'server_removal', input: { slug: 'b' } } }],
    ],
    [
      'another event',
      ['POST', '/events', { body: { type: 'deployment_status' } }],
      ['POST', '/events', { body: { type: 'deployment_status', detail: { x: 1 } } }],
    ],
    [
      'another gate',
      ['POST', '/quality-gates/pre_deployment/runs', {}],
      ['POST', '/quality-gates/post_deployment/runs', {}],
    ],
    ['another report', ['POST', '/reports', {}], ['POST', '/reports', { body: { sessionId: 's' } }]],
    [
      'other work',
      ['POST', '/delegations', { body: { ...work, input: 1 } }],
      ['POST', '/delegations', { body: { ...work, input: 2 } }],
    ],
    ['another session', ['POST', '/sessions', {}], ['POST', '/sessions', { body: { keepToken: true } }]],
    [
      'another toolset',
      ['POST', '/toolsets', { body: { slug: 's', title: 'S', tools: [] } }],
      ['POST', '/toolsets', { body: { slug: 't', title: 'S', tools: [] } }],
    ],
    ['another operation', ['POST', '/servers', { body: { ...a, slug: 'c' } }], ['POST', '/sessions', {}]],
  ])('%s', async (_, [method, path, request], [otherMethod, otherPath, other]) => {
    const { send, deps, pump, statusOf } = await opened({ servers: ['a', 'b'] });
    await send(method, path, { ...request, key });
    await pump();
    const plans = (await deps.plans.list('t1', {}, 99)).items.length;
    const refused = await send(otherMethod, otherPath, { ...other, key });
    expect(refused).toMatchObject(used);
    expect(refused.body['detail']).toContain('new key');
    expect((await deps.plans.list('t1', {}, 99)).items).toHaveLength(plans);
    expect([await statusOf('b'), await statusOf('t')]).toEqual(['active', undefined]);
    expect((await send('GET', '/servers?status=pending')).body['items']).toEqual([]);
  });

  test('also when the server was registered anew since: the key stands for the one before', async () => {
    const { send, pump, statusOf } = await opened({ servers: ['a'] });
    await send('DELETE', '/servers/a?wait=0', { key });
    await pump();
    await send('POST', '/servers', { body: a, key: 'k2' });
    await pump();
    const refused = await send('DELETE', '/servers/a', { key });
    expect(refused).toMatchObject({ status: 409, body: { kind: 'already_exists' } });
    expect(refused.body['detail']).toContain('new key');
    expect(await statusOf('a')).toBe('active');
  });

  test('also when the server was removed since: nothing stays pending', async () => {
    const { send, pump, advance, statusOf } = await opened();
    await send('POST', '/servers', { body: a, key });
    await pump();
    await send('DELETE', '/servers/a?wait=0');
    await pump();
    expect(await send('POST', '/servers', { body: a, key })).toMatchObject({ status: 409 });
    expect(await statusOf('a')).toBeUndefined();
    advance(60);
    await send('POST', '/servers', { body: a, key: 'k2' });
    await pump();
    expect(await send('POST', '/servers', { body: a, key })).toMatchObject({ status: 409 });
    expect(await statusOf('a')).toBe('active');
  });
});

test('every route that changes something takes a key, and rejects a malformed one before it does anything', async () => {
  const run = testRegistry();
  const { routes } = openManagementRoutes(run);
  const changing = routes.filter(({ method }) => method !== 'GET');
  expect(changing.length).toBeGreaterThan(25);
  for (const route of changing) {
    for (const bad of ['', 'two words', 'x'.repeat(201), 'k\u00e9y']) {
      const answer = await route.handle({
        ...caller,
        params: {},
        query: new URLSearchParams(),
        body: {},
        headers: new Headers({ 'idempotency-key': bad }),
        signal: new AbortController().signal,
      });
      expect(answer, `${route.name} ${bad}`).toMatchObject({
        ok: false,
        error: { kind: 'invalid', errors: [{ path: 'Idempotency-Key' }] },
      });
    }
  }
  expect(run.operations()).toBe(0);
});

test.each([
  ['deeper than a digest of it can be made', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ['with a key that no copy is safe of', '{"__proto__": {}}'],
])('a body %s is invalid', async (_, text) => {
  const { send } = await opened();
  expect(await send('POST', '/servers/bulk', { text: `{"servers": [${text}]}`, key })).toMatchObject({
    status: 400,
    body: { kind: 'invalid' },
  });
});

describe('a request that is interrupted', () => {
  test('at any operation is finished by a repetition, and nothing stays pending', async () => {
    for (let faultAt = 1; ; faultAt++) {
      const run = testRegistry({ faultAt });
      const { send } = openManagementRoutes(run);
      const first = await send('POST', '/servers', { body: a, key });
      if (run.operations() < faultAt) {
        expect(faultAt).toBeGreaterThan(5);
        break;
      }
      run.advance(10);
      const second = await send('POST', '/servers', { body: a, key });
      expect(second.status, `fault at ${faultAt}`).toBe(202);
      if (first.status === 202) expect(planOf(second)).toBe(planOf(first));
      const third = await send('POST', '/servers', { body: a, key });
      expect([faultAt, third.status, planOf(third)]).toEqual([faultAt, 202, planOf(second)]);
      await run.pump();
      await run.recover();
      expect((await run.deps.servers.find('t1', 'a'))?.value.status).toBe('active');
      expect((await run.deps.plans.list('t1', {}, 9)).items).toHaveLength(1);
    }
  });

  /** The routes over tables that fail as told. `sessions` counts those that were opened. */
  function failing(fails: (operation: string) => boolean) {
    const run = testRegistry();
    const routes = openManagementRoutes(run, (operation) => {
      if (fails(operation)) throw new InfrastructureError('tables', operation, undefined);
    });
    return {
      ...routes,
      deps: run.deps,
      advance: (seconds: number) => {
        run.advance(seconds);
      },
    };
  }

  test('before its key is claimed has done nothing', async () => {
    let isAway = true;
    const { send, deps } = failing((operation) => isAway && operation === 'insert idempotencyKeys');
    expect((await send('POST', '/servers', { body: a, key })).status).toBe(503);
    expect((await deps.plans.list('t1', {}, 9)).items).toEqual([]);
    expect(await deps.servers.find('t1', 'a')).toBeUndefined();
    isAway = false;
    expect((await send('POST', '/servers', { body: a, key })).status).toBe(202);
  });

  test('before its answer is kept has its answer, and a repetition is handled again once nobody handles it', async () => {
    let isAway = true;
    const { send, advance, lines } = failing(
      (operation) => isAway && operation === 'replace idempotencyKeys',
    );
    const toolset = { body: { slug: 's', title: 'S', tools: [] }, key };
    const first = await send('POST', '/toolsets', toolset);
    expect(first.status).toBe(201);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'idempotency_claim_end_failed' }));
    isAway = false;
    expect((await send('POST', '/toolsets', toolset)).status).toBe(409);
    advance(61);
    const again = await send('POST', '/toolsets', toolset);
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(await send('POST', '/toolsets', toolset)).toMatchObject({ status: 201, body: first.body });
  });

  test('by a fault of its own is handled again at once', async () => {
    let isAway = true;
    const { send } = failing((operation) => isAway && operation === 'insert toolsets');
    const toolset = { body: { slug: 's', title: 'S', tools: [] }, key };
    expect((await send('POST', '/toolsets', toolset)).status).toBe(503);
    isAway = false;
    expect((await send('POST', '/toolsets', toolset)).status).toBe(201);
  });
});
