import type { Result } from '../../platform/base/result.ts';
import type { Page } from '../../platform/tables/tables.ts';
import type { Decision } from './changes.ts';
import type { PublishedVersion, Versions } from './publishedVersion.ts';

/** Which versions a list shows. */
export interface VersionFilter {
  readonly latestOnly: boolean;
  readonly includeDeleted: boolean;
  readonly version?: string | undefined;
  readonly updatedSince?: Date | undefined;
  /** Part of a name or a description, in letters of either case. */
  readonly search?: string | undefined;
  /** Those that have one of these tags. */
  readonly tags?: readonly string[] | undefined;
}

/** Keeps the published versions of all tenants. Names are those of a valid `server.json`. An outage is thrown. */
export interface VersionStore {
  find(tenantId: string, name: string, version: string): Promise<PublishedVersion | undefined>;
  findLatest(tenantId: string, name: string): Promise<PublishedVersion | undefined>;
  /** All versions of a server, none where there is no such server. */
  versionsOf(tenantId: string, name: string): Promise<Versions>;
  /**
   * In the order of names. A version that is there throughout is on exactly one page, whatever is published meanwhile. A
   * page may be short or empty and still name where to go on.
   */
  list(
    tenantId: string,
    filter: VersionFilter,
    limit: number,
    after?: string,
  ): Promise<Page<PublishedVersion>>;
  /**
   * Changes the versions of one server as decided, and marks its one latest version, as if it were alone: of two changes at
   * once, the later one is decided anew. Gives all versions after it, or the failure of the decision.
   */
  change(tenantId: string, name: string, decide: Decision): Promise<Result<Versions>>;
}
