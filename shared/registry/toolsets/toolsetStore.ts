import type { Page, Replacement, Stored } from '../../platform/tables/tables.ts';
import type { Toolset } from './toolset.ts';

/** Keeps the toolsets of all tenants. An outage is thrown, never read as "not found". */
export interface ToolsetStore {
  find(tenantId: string, slug: string): Promise<Stored<Toolset> | undefined>;
  /** In the order of their slugs; `after` is the last slug of the page before. */
  list(tenantId: string, limit: number, after?: string): Promise<Page<Toolset>>;
  add(toolset: Toolset): Promise<'inserted' | 'exists'>;
  /** Replaces the toolset only if it is still the one that was read. */
  replace(toolset: Toolset, etag: string): Promise<Replacement>;
  remove(toolset: Toolset, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
}
