import { describe, expect, test } from 'vitest';
import { createCredentials } from '../../../shared/identity/credentials.ts';

const credentials = createCredentials({
  credentials: {
    'stock-key': { value: 'Bearer of-stock', origins: ['https://stock.example.com'] },
    common: {
      value: 'k',
      origins: ['https://a.example.com', 'https://b.example.com'],
      tenants: ['t1', 't2'],
    },
  },
  tenants: new Set(['t1', 't2']),
});
const stock = 'https://stock.example.com/mcp';

test('a credential is given to a tenant and an origin that it is for', () => {
  expect(credentials.valueOf('stock-key', { tenantId: 't1', url: stock })).toEqual({
    ok: true,
    value: 'Bearer of-stock',
  });
  expect(credentials.valueOf('common', { tenantId: 't2', url: 'https://b.example.com/x?y' }).ok).toBe(true);
});

describe('a credential is refused', () => {
  test.each([
    ['stock-key', 't2', stock, 'one that names no tenants is for the first alone'],
    ['stock-key', 't1', 'https://stock.example.com.evil.com/mcp', 'another host that begins alike'],
    ['stock-key', 't1', 'http://stock.example.com/mcp', 'another scheme'],
    ['stock-key', 't1', 'https://stock.example.com:8443/mcp', 'another port'],
    ['common', 't3', 'https://a.example.com/', 'a tenant that it does not name'],
    ['nothing', 't1', stock, 'there is none'],
    ['constructor', 't1', stock, 'a name that every object has'],
  ])('%s, tenant %s, %s: %s', (name, tenantId, url) => {
    const refused = credentials.valueOf(name, { tenantId, url });
    expect(refused).toMatchObject({ ok: false, error: { kind: 'invalid' } });
    expect(JSON.stringify(refused)).not.toContain('of-stock');
  });
});
