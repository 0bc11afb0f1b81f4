import { afterEach, beforeEach, expect } from 'vitest';
import { z } from 'zod';
import type { Answer, Call, Route } from '../../functions/http/route.ts';
import { type Result, succeed } from '../../shared/platform/base/result.ts';

/** What Fetch takes for a body. */
export type Sent = ConstructorParameters<typeof Response>[0];

export interface Body {
  readonly name: string;
}

/** A route that keeps the calls it is given. */
export function routeThat(
  handle: (call: Call<Body>) => Promise<Result<Answer> | Response>,
  more: Partial<Route<Body>> = {},
): { readonly route: Route<Body>; readonly calls: Call<Body>[] } {
  const calls: Call<Body>[] = [];
  const route: Route<Body> = {
    name: 'notes-put',
    method: 'PUT',
    path: 'notes/{id}/parts/{part}',
    permission: 'servers.write',
    body: z.strictObject({ name: z.string().max(10) }),
    handle: (call) => {
      calls.push(call);
      return handle(call);
    },
    ...more,
  };
  return { route, calls };
}
export const ok = (): Promise<Result<Answer>> =>
  Promise.resolve(succeed({ status: 200, body: { ok: true } }));

export const url = 'https://gateway.example/notes/7/parts/2';
export const good = { authorization: 'Bearer Admin', 'content-type': 'application/json' };
export const put = (headers: Record<string, string>, body: Sent = '{"name":"x"}', at = url): Request =>
  new Request(at, { method: 'PUT', headers, body, duplex: 'half' });

/** Errors that nobody caught during a test. Call it once at the head of a file. */
export function watchRejections(): readonly unknown[] {
  const rejections: unknown[] = [];
  const keep = (error: unknown) => rejections.push(error);
  beforeEach(() => {
    rejections.length = 0;
    process.on('unhandledRejection', keep);
  });
  afterEach(() => {
    process.off('unhandledRejection', keep);
  });
  return rejections;
}

export const problemOf = async (response: Response): Promise<unknown> => {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  return response.json();
};
