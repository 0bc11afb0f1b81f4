import { beforeEach, describe, expect, test } from 'vitest';
import { revocationIdOf } from '../../../shared/identity/access/revocation.ts';
import { type ManagementRoutes, openManagementRoutes } from '../../support/managementRoutes.ts';
import { testRegistry } from '../../support/registrations.ts';

const user = '9d1e3c52-7a40-4f6b-8c2d-5e7f90a1b2c3';
const client = 'https://client.example/metadata.json';

let api: ManagementRoutes;
beforeEach(() => {
  api = openManagementRoutes(testRegistry());
});

const revoke = (body: object, by = {}) => api.send('POST', '/revocations', { body, by });

describe('a revocation', () => {
  test('of a user says who made it and why, once, however often it is asked for', async () => {
    const created = await revoke({ user: user.toUpperCase(), reason: 'lost laptop' });
    expect([created.status, created.headers.get('location')]).toEqual([201, created.body['href']]);
    expect(created.body).toEqual({
      id: revocationIdOf({ user }),
      user,
      reason: 'lost laptop',
      createdBy: 'u1',
      createdAt: '2026-01-01T00:00:00.000Z',
      href: `/revocations/${revocationIdOf({ user })}`,
    });
    const again = await revoke({ user, reason: 'other words' }, { userId: 'u9' });
    expect([again.status, again.body]).toEqual([201, created.body]);
    expect((await api.send('GET', '/revocations')).body['items']).toEqual([created.body]);
  });

  test('of a client names it as the client calls itself', async () => {
    expect((await revoke({ client })).body).toMatchObject({ client });
    expect((await revoke({ client: user.toUpperCase() })).body).toMatchObject({ client: user });
  });

  test('is lifted once', async () => {
    const { href } = (await revoke({ user })).body as { href: string };
    expect((await api.send('DELETE', href)).status).toBe(204);
    expect((await api.send('DELETE', href)).status).toBe(404);
    expect((await api.send('GET', '/revocations')).body['items']).toEqual([]);
  });

  test('is of one tenant: another sees, lifts and notices none of it', async () => {
    const { href } = (await revoke({ user })).body as { href: string };
    const by = { tenantId: 't2' };
    expect((await api.send('GET', '/revocations', { by })).body['items']).toEqual([]);
    expect((await api.send('DELETE', href, { by })).status).toBe(404);
    expect((await api.send('GET', '/revocations')).body['items']).toHaveLength(1);
  });

  test.each([
    [{}, 'must name either a user or a client'],
    [{ user, client }, 'must name either a user or a client'],
    [{ user: 'somebody@contoso.com' }, 'must be an object id of Entra: a GUID'],
    [{ client: '' }, ''],
    [{ user, tenant: 't2' }, 'there is no such field'],
    [{ user, reason: 'x'.repeat(501) }, ''],
  ])('%j is refused: %s', async (body, words) => {
    const answer = await revoke(body);
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body)).toContain(words);
  });

  test.each([
    ['the user', { user }, 'is yourself'],
    ['the client', { client }, 'is the one of this request'],
  ])('cannot be of %s of the request itself', async (_, body, words) => {
    const answer = await revoke(body, { userId: user, clientId: client });
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).toContain(words);
    expect((await api.send('GET', '/revocations')).body['items']).toEqual([]);
  });

  test('list comes in pages', async () => {
    for (let index = 0; index < 5; index += 1) await revoke({ client: `client-${index}` });
    const first = (await api.send('GET', '/revocations?limit=3')).body as {
      items: object[];
      nextCursor: string;
    };
    const rest = (await api.send('GET', `/revocations?limit=3&cursor=${first.nextCursor}`))
      .body as typeof first;
    expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([3, 2, undefined]);
  });
});
