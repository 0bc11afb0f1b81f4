import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { defaultTenant, defaultUser, secondTenant } from '../../../infra/local/defaults.ts';
import { localDirectory } from '../../../infra/local/issuer/localDirectory.ts';
import { roles } from '../../../shared/identity/access/actor.ts';

const { people, tenants, clients, api } = localDirectory({
  mcp: 'http://127.0.0.1:8001',
  management: 'http://127.0.0.1:8000',
});

test('there is one person for each role in each of two tenants, each with an id of their own', () => {
  for (const tenant of [defaultTenant, secondTenant])
    expect(people.filter((person) => person.tenant === tenant).map((person) => person.roles)).toEqual(
      roles.map((role) => [role]),
    );
  expect(new Set(people.map(({ oid }) => oid)).size).toBe(people.length);
  expect(people[0]).toMatchObject({ oid: defaultUser, tenant: defaultTenant });
});

test('docs/local.md has every person, tenant and client, with their ids', async () => {
  const page = await readFile(new URL('../../../docs/local.md', import.meta.url), 'utf8');
  const rows = page.split('\n').map((line) => line.replace(/ *\| */g, '|'));
  for (const { name, username, roles: own, tenant, oid } of people)
    expect(rows).toContain(`|${name}|\`${username}\`|${own.join()}|${tenants[tenant] ?? ''}|\`${oid}\`|`);
  for (const text of [...Object.keys(tenants), ...clients.map(({ id }) => id), ...api.identifierUris])
    expect(page).toContain(`\`${text}\``);
});
