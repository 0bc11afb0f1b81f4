import type { Page, Replacement, Stored } from '../../platform/tables/tables.ts';
import type { ServerRecord } from './server.ts';

export interface ServerFilter {
  readonly status?: ServerRecord['status'] | undefined;
  readonly tag?: string | undefined;
  readonly visibility?: 'shared' | undefined;
  /** Part of a slug, a title or a description, in letters of either case. */
  readonly search?: string | undefined;
}

/** Keeps the server records of all tenants, one record a slug and tenant. An outage is thrown, never read as "not found". */
export interface ServerStore {
  find(tenantId: string, slug: string): Promise<Stored<ServerRecord> | undefined>;
  /**
   * In the order of their slugs; `after` is the last slug of the page before. A page may be short or empty and still name
   * where to go on.
   */
  list(tenantId: string, filter: ServerFilter, limit: number, after?: string): Promise<Page<ServerRecord>>;
  add(record: ServerRecord): Promise<'inserted' | 'exists'>;
  /** Replaces the record only if it is still the one that was read. */
  replace(record: ServerRecord, etag: string): Promise<Replacement>;
  remove(record: ServerRecord, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
}
