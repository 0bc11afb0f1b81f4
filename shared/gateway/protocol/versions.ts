import type { Era } from '../../registry/records/era.ts';

interface Revision {
  readonly version: string;
  readonly era: Era;
}

/** Every protocol revision that the gateway speaks with clients and servers, newest first. A new revision is a new row. */
const REVISIONS: readonly Revision[] = [
  { version: '2026-07-28', era: 'modern' },
  { version: '2025-11-25', era: 'legacy' },
  { version: '2025-06-18', era: 'legacy' },
  { version: '2025-03-26', era: 'legacy' },
  // Its messages look like those of 2025-03-26. Many servers name it over Streamable HTTP, and clients accept nothing newer.
  { version: '2024-11-05', era: 'legacy' },
];

const versionsOf = (era: Era): readonly string[] =>
  REVISIONS.filter((revision) => revision.era === era).map(({ version }) => version);

/** Revisions without a handshake, newest first. */
export const MODERN_VERSIONS = versionsOf('modern');
/** Revisions with an `initialize` handshake, newest first. */
export const LEGACY_VERSIONS = versionsOf('legacy');
/** All revisions, newest first. */
export const SUPPORTED_VERSIONS: readonly string[] = [...MODERN_VERSIONS, ...LEGACY_VERSIONS];
export const LATEST_LEGACY = LEGACY_VERSIONS[0] ?? '';
export const LATEST_MODERN = MODERN_VERSIONS[0] ?? '';
/** The revision that began the modern era. The checks of the protocol expert quote it and speak it. */
export const FIRST_MODERN = MODERN_VERSIONS.at(-1) ?? '';
/** The revision whose transport is HTTP+SSE. Servers of later revisions that kept the transport accept it. */
export const HTTP_SSE_VERSION = '2024-11-05';

/** Returns the newest modern revision in a server's list, or `undefined` when it lists none that the gateway knows. */
export const newestModernIn = (offered: readonly unknown[]): string | undefined =>
  MODERN_VERSIONS.find((version) => offered.includes(version));
