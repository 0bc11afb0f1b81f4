import { beforeEach, describe, expect, test } from 'vitest';
import { serve } from '../../../functions/http/serve.ts';
import { auditRoutes } from '../../../functions/management/audit.ts';
import { type Audit, openAudit } from '../../../shared/audit/journal/audit.ts';
import { systemClock } from '../../../shared/platform/base/clock.ts';
import { randomId } from '../../../shared/platform/base/ids.ts';
import { callerTenant, fakeHttpDeps } from '../../support/httpDeps.ts';
import { memoryTrail, type OpenTrail } from '../../support/memoryTrail.ts';
import { toolCallRecord } from '../../support/toolCallRecord.ts';

let trail: OpenTrail;
let audit: Audit;
const http = fakeHttpDeps();
beforeEach(() => {
  trail = memoryTrail();
  audit = openAudit({ store: trail.store, clock: systemClock, newId: randomId, log: http.log });
});

/** Calls the route of this name as an auditor, once all records are stored. */
const call = async (name: string, path: string, method = 'GET') => {
  await audit.flush();
  const routes = auditRoutes({ trail: trail.store, tenants: new Set([callerTenant]) });
  const route = routes.find((one) => one.name === name);
  if (!route) throw new Error(`no route ${name}`);
  const headers = { authorization: 'Bearer Auditor' };
  const response = await serve(
    route,
    http,
  )(new Request(`https://gateway.example/${path}`, { method, headers }));
  return {
    status: response.status,
    body: (await response.json()) as { items: Record<string, unknown>[]; nextCursor?: string },
  };
};
const list = (query = '') => call('audit-list', `audit${query}`);
const verify = () => call('audit-verify', 'audit/verifications', 'POST');
const act = (resource: string, more: object = {}) => {
  audit.append(toolCallRecord(resource, more));
};

describe('GET /audit', () => {
  test('filters by actor, action, resource, decision, outcome and time, all together', async () => {
    act('a');
    act('b', { outcome: 'tool_error' });
    act('c', { decision: 'refused', outcome: 'forbidden', actor: 'bob' });
    act('d', { outcome: 'forbidden', action: 'servers.delete' });
    const found = async (query: string) => (await list(query)).body.items.map(({ resource }) => resource);
    expect(await found('?decision=refused')).toEqual(['c']);
    expect(await found('?decision=allowed')).toEqual(['d', 'b', 'a']);
    expect(await found('?outcome=forbidden')).toEqual(['d', 'c']);
    expect(await found('?outcome=forbidden&decision=allowed')).toEqual(['d']);
    expect(await found('?outcome=forbidden&actor=bob')).toEqual(['c']);
    expect(await found('?outcome=forbidden&action=tools/call')).toEqual(['c']);
    expect(await found('?outcome=timeout')).toEqual([]);
    expect(await found('?outcome=forbidden&to=2020-01-01T00:00:00Z')).toEqual([]);
    expect(await found('?resource=b&decision=allowed')).toEqual(['b']);
  });

  test('a filtered list has each record once, page by page, however many lie between', async () => {
    for (let index = 0; index < 40; index++)
      act(`r${index}`, { outcome: index % 8 === 0 ? 'timeout' : 'succeeded' });
    const seen: unknown[] = [];
    let cursor = '';
    do {
      const { body } = await list(`?outcome=timeout&limit=2${cursor}`);
      seen.push(...body.items.map(({ resource }) => resource));
      cursor = body.nextCursor === undefined ? '' : `&cursor=${body.nextCursor}`;
    } while (cursor !== '');
    expect(seen).toEqual(['r32', 'r24', 'r16', 'r8', 'r0']);
  });

  test('a cursor is for the filters that it was given for', async () => {
    for (let index = 0; index < 5; index++) act(`r${index}`);
    const { nextCursor = '' } = (await list('?limit=2&decision=allowed&actor=alice')).body;
    expect((await list(`?actor=alice&decision=allowed&limit=9&cursor=${nextCursor}`)).status).toBe(200);
    for (const other of ['', '&decision=allowed', '&decision=refused&actor=alice'])
      expect(await list(`?limit=2${other}&cursor=${nextCursor}`)).toMatchObject({
        status: 400,
        body: { errors: [{ path: 'cursor' }] },
      });
  });

  test('shows the names beside the ids, bounded and plain', async () => {
    act('plans/1', { actorName: 'Alice\nA.', resourceName: 'x'.repeat(300) });
    act('plans/2');
    const { items } = (await list()).body;
    expect(items[1]).toMatchObject({
      actor: 'alice',
      actorName: 'Alice\ufffdA.',
      resourceName: 'x'.repeat(200),
    });
    expect(items[0]).not.toHaveProperty('actorName');
    expect((await verify()).body).toEqual({ verified: 2, segments: 1 });
  });
});
