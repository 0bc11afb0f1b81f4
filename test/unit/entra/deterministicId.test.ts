import { expect, test } from 'vitest';
import { deterministicId } from '../../../infra/entra/deterministicId.ts';

test('an id is the UUID of version 5 of its name', () => {
  const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
  // The value is of another implementation.
  expect(deterministicId('www.example.com', dns)).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
});

test('the ids of the roles and of the scope never change: directories hold them', () => {
  expect(
    [
      'role/Gateway.Admin',
      'role/Gateway.Operator',
      'role/Gateway.Auditor',
      'role/Gateway.User',
      'scope/mcp.access',
    ].map((name) => deterministicId(name)),
  ).toEqual([
    '42c6cc77-c54b-5e5b-b522-fb62e22c0df7',
    'ffbef2ac-86e4-5fe0-a87e-351b0a7c6e5e',
    '522e51c3-3686-5b20-80bf-493f76f323e7',
    'b7a702f8-292b-540a-b31f-108dd5433997',
    '7dd4ef41-6b08-54e0-8965-86d12dd19bb0',
  ]);
});
