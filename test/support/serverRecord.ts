import type { ServerRecord } from '../../shared/registry/records/server.ts';

const at = '2026-01-01T00:00:00.000Z';

/** An active server of the tenant `t1`, as a registration leaves it. */
export const serverRecord = (more: Partial<ServerRecord> = {}): ServerRecord => ({
  tenantId: 't1',
  slug: 'inventory',
  url: 'https://mcp.example.com/mcp',
  title: 'Inventory',
  description: '',
  tags: [],
  owner: 'u1',
  status: 'active',
  statusChangedAt: at,
  planId: 'p',
  createdBy: 'u1',
  createdAt: at,
  updatedAt: at,
  ...more,
});
