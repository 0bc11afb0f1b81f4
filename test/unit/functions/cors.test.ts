import { beforeEach, describe, expect, test } from 'vitest';
import { serve } from '../../../functions/http/serve.ts';
import { type FakeHttpDeps, fakeHttpDeps } from '../../support/httpDeps.ts';
import { good, ok, put, routeThat } from '../../support/testRoute.ts';

let deps: FakeHttpDeps;
beforeEach(() => {
  deps = fakeHttpDeps();
});

describe('a page', () => {
  const allowed = 'https://app.contoso.com';

  test.each<[headers: Record<string, string>, status: number, why: string]>([
    [{ ...good, origin: allowed }, 200, 'an answer'],
    [{ origin: allowed }, 401, 'a refusal, with the challenge to read'],
  ])('of an allowed origin may read %j, which is %i: %s', async (headers, status) => {
    const response = await serve(routeThat(ok).route, deps)(put(headers));
    expect(response.status).toBe(status);
    expect(response.headers.get('access-control-allow-origin')).toBe(allowed);
    expect(response.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
    expect(response.headers.get('vary')).toBe('Origin');
    expect(response.headers.has('access-control-allow-credentials')).toBe(false);
  });

  test.each<[headers: Record<string, string>, why: string]>([
    [{ ...good, origin: 'https://evil.example' }, 'of another origin'],
    [good, 'of none: the answer may be kept for others'],
  ])('%#: %s may read nothing, and caches are told so', async (headers) => {
    const response = await serve(routeThat(ok).route, deps)(put(headers));
    expect(response.headers.has('access-control-allow-origin')).toBe(false);
    expect(response.headers.get('vary')).toBe('Origin');
  });

  test.each<Record<string, string>>([{}, { origin: 'https://any.example' }, { origin: 'null' }])(
    'of any origin may read what is anonymous: %j',
    async (headers) => {
      const { route } = routeThat(ok, { permission: 'anonymous' });
      const response = await serve(route, deps)(put({ ...good, ...headers }));
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.has('vary')).toBe(false);
    },
  );
});
