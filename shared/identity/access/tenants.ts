import type { Config } from '../../platform/config/config.ts';

type Tenants = Pick<Config, 'tenants'>;

/** Returns the tenant that operates the gateway: the first of `MREG_TENANTS`. */
export function operatorTenantOf({ tenants }: Tenants): string {
  const [first = ''] = tenants;
  return first;
}

/** Returns the tenants that a task of this tenant may report on: all of them for the operator's tenant, else its own. */
export const visibleTenants = (config: Tenants, tenantId: string): readonly string[] =>
  tenantId === operatorTenantOf(config) ? [...config.tenants] : [tenantId];

/** Returns what people of this tenant add to the URL of an MCP endpoint, so that its metadata names their tenant. */
export const tenantHint = (config: Tenants, tenantId: string): string =>
  tenantId === operatorTenantOf(config) ? '' : `?tenant=${tenantId}`;
