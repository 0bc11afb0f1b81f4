import { describe, expect, test } from 'vitest';
import { openManagementRoutes } from '../../support/managementRoutes.ts';
import { testRegistry } from '../../support/registrations.ts';

const { routes, send } = openManagementRoutes(testRegistry());
const example = (template: string): string => `/${template.replace(/\{\*?(\w+)\}/g, 'some-$1')}`;
const own = routes.filter(({ query, permission }) => query !== 'any' && permission !== 'anonymous');

test.each(own.map((route) => [`${route.method} /${route.path}`, route] as const))(
  '%s refuses a query parameter that it does not read, and lists those that it reads',
  async (_, { method, path, query = [], body }) => {
    const answer = await send(method, `${example(path)}?none_such=1`, body && { body: {} });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'none_such' }] } });
    const known =
      query === 'any' || query.length === 0 ? 'this call takes none' : `known: ${query.join(', ')}`;
    expect(String(answer.body['detail'])).toContain(known);
  },
);

describe('a query', () => {
  test.each([
    ['/plans?status=failed', 'status', 'the parameter of another list'],
    ['/plans?State=failed', 'State', 'another letter case'],
    ['/plans?since=2026-01-01T00:00:00Z', 'since', 'another word for from'],
    ['/plans?state=failed&state=running', 'state', 'a parameter that is given twice'],
    ['/servers?tags=a', 'tags', 'a plural'],
    ['/servers?_=123', '_', 'a cache buster'],
    ['/agents?limit=1', 'limit', 'a page of a list without pages'],
    ['/sessions/some-id?wait=3', 'wait', 'a wait for what is there at once'],
    ['/audit?outcome=', 'outcome', 'an empty filter'],
    ['/audit?decision=denied', 'decision', 'a decision that does not exist'],
    [`/plans?${'x'.repeat(300)}=1`, 'x'.repeat(100), 'a long name, which the answer cuts'],
  ])('%s is refused by the name %s: %s', async (target, path) => {
    expect(await send('GET', target)).toMatchObject({ status: 400, body: { errors: [{ path }] } });
  });

  test('is refused before anything is done', async () => {
    const run = testRegistry();
    const registry = openManagementRoutes(run);
    const body = { slug: 'a', url: 'https://a.example/mcp' };
    expect((await registry.send('POST', '/servers?waitt=5', { body })).status).toBe(400);
    expect((await run.deps.plans.list('t1', {}, 9)).items).toEqual([]);
  });

  test('of the official registry API may hold parameters of its later versions', async () => {
    expect(routes.filter(({ query }) => query === 'any').map(({ path }) => path)).toEqual(
      routes
        .map(({ path }) => path)
        .filter((path) => path === 'health' || /^(r\/\{secret\}\/)?v0/.test(path)),
    );
    expect((await send('GET', '/v0.1/servers?sort=name')).status).not.toBe(400);
  });
});
