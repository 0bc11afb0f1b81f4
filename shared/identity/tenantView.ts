import type { Config } from '../platform/config.ts';

type Tenants = Pick<Config, 'tenants'>;

const isFirst = ({ tenants }: Tenants, tenantId: string): boolean => {
  const [first] = tenants;
  return tenantId === first;
};

/** Returns the tenants that a task of this tenant may tell of: all for the first tenant, whose gateway it is; else its own. */
export const visibleTenants = (config: Tenants, tenantId: string): readonly string[] =>
  isFirst(config, tenantId) ? [...config.tenants] : [tenantId];

/** Returns what people of this tenant add to the URL of an MCP endpoint, so that its metadata names their tenant. */
export const tenantHint = (config: Tenants, tenantId: string): string =>
  isFirst(config, tenantId) ? '' : `?tenant=${tenantId}`;
