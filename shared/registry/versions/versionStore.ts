import type { Result } from '../../platform/base/result.ts';
import type { Page } from '../../platform/tables/tables.ts';
import type { Decision } from './changes.ts';
import type { PublishedVersion, Versions } from './publishedVersion.ts';

/** The versions that a list shows. */
export interface VersionFilter {
  readonly latestOnly: boolean;
  readonly includeDeleted: boolean;
  readonly version?: string | undefined;
  readonly updatedSince?: Date | undefined;
  /** A part of a name or a description, in any letter case. */
  readonly search?: string | undefined;
  /** Versions with one of these tags. */
  readonly tags?: readonly string[] | undefined;
}

/** Stores the published versions of all tenants. Names are those of a valid `server.json`. An outage is thrown. */
export interface VersionStore {
  find(tenantId: string, name: string, version: string): Promise<PublishedVersion | undefined>;
  findLatest(tenantId: string, name: string): Promise<PublishedVersion | undefined>;
  /** Returns all versions of a server; none for an unknown server. */
  versionsOf(tenantId: string, name: string): Promise<Versions>;
  /**
   * Returns versions in the order of names. A version that exists throughout is on exactly one page, also while others are
   * published. A page may be short or empty and still name where to continue.
   */
  list(
    tenantId: string,
    filter: VersionFilter,
    limit: number,
    after?: string,
  ): Promise<Page<PublishedVersion>>;
  /**
   * Changes the versions of one server as decided, and marks its latest version. Changes are serialised: of two concurrent
   * changes, the later one is decided again. Returns all versions after the change, or the failure of the decision.
   */
  change(tenantId: string, name: string, decide: Decision): Promise<Result<Versions>>;
}
