import type { Page } from '../../platform/tables/tables.ts';
import type { RegistryLink } from './registryLink.ts';

/** Keeps the links of all tenants. An outage is thrown, never read as "not found". */
export interface RegistryLinkStore {
  /** By the hash of its secret, whosever it is: the time it takes says nothing about a secret. */
  find(id: string): Promise<RegistryLink | undefined>;
  /** In the order of their ids; `after` is the last one of the page before. */
  list(tenantId: string, limit: number, after?: string): Promise<Page<RegistryLink>>;
  add(link: RegistryLink): Promise<void>;
  /** False where the tenant has no such link. */
  revoke(tenantId: string, id: string): Promise<boolean>;
}
