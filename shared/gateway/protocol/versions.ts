import type { Era } from '../../registry/records/era.ts';

interface Revision {
  readonly version: string;
  readonly era: Era;
  /** Whether clients may speak it to the gateway. Servers may speak every revision of this list. */
  readonly forClients: boolean;
}

/** Every protocol revision that the gateway knows, newest first. A new revision is a new row. */
const REVISIONS: readonly Revision[] = [
  { version: '2026-07-28', era: 'modern', forClients: true },
  { version: '2025-11-25', era: 'legacy', forClients: true },
  { version: '2025-06-18', era: 'legacy', forClients: true },
  { version: '2025-03-26', era: 'legacy', forClients: true },
  // Its tool calls look like those of 2025-03-26, and many servers still name it.
  { version: '2024-11-05', era: 'legacy', forClients: false },
];

const versionsOf = (era: Era): readonly Revision[] => REVISIONS.filter((revision) => revision.era === era);
const names = (revisions: readonly Revision[]): readonly string[] => revisions.map(({ version }) => version);
const newest = (era: Era): string => names(versionsOf(era))[0] ?? '';

/** Revisions without a handshake, newest first. */
export const MODERN_VERSIONS = names(versionsOf('modern'));
/** Revisions with an `initialize` handshake that clients may speak to the gateway, newest first. */
export const LEGACY_VERSIONS = names(versionsOf('legacy').filter(({ forClients }) => forClients));
/** Revisions with a handshake that servers may speak to the gateway, newest first. */
export const LEGACY_SERVER_VERSIONS = names(versionsOf('legacy'));
/** Revisions that clients may speak, newest first. */
export const SUPPORTED_VERSIONS: readonly string[] = [...MODERN_VERSIONS, ...LEGACY_VERSIONS];
export const LATEST_LEGACY = newest('legacy');
export const LATEST_MODERN = newest('modern');
/** The revision that began the modern era. The checks of the protocol expert quote it and speak it. */
export const FIRST_MODERN = MODERN_VERSIONS.at(-1) ?? '';
/** The revision whose transport is HTTP+SSE. Servers of later revisions that kept the transport accept it. */
export const HTTP_SSE_VERSION = '2024-11-05';

/** Returns the newest modern revision in a server's list, or `undefined` when it lists none that the gateway knows. */
export const newestModernIn = (offered: readonly unknown[]): string | undefined =>
  MODERN_VERSIONS.find((version) => offered.includes(version));
