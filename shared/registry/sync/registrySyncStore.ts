import type { Replacement, Stored } from '../../platform/tables/tables.ts';
import type { RegistrySync } from './registrySync.ts';

/** Keeps how far each tenant has followed another registry. An outage is thrown, never read as "not found". */
export interface RegistrySyncStore {
  find(tenantId: string): Promise<Stored<RegistrySync> | undefined>;
  /** Only if it is still what was read; without an ETag, if there is none yet. */
  save(sync: RegistrySync, etag: string | undefined): Promise<Replacement>;
}
