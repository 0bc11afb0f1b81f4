import { createHash } from 'node:crypto';

/** Rows of the latest version of each server, and of every version, in the one partition of their tenant. */
export const LATEST_ROWS = 'l:';
export const VERSION_ROWS = 'v:';

/** A row key has at most 512 characters: 2 for its kind, 200 for the name, 1 between. */
const MAX_ENCODED_LENGTH = 300;

/** A name has one slash and no colon, so that the two parts of a key cannot run into each other. */
const nameKey = (name: string): string => name.replace('/', ':');

/** Any text, in letters, digits and `- _ . =`. No two texts have the same key. */
function versionKeyPart(version: string): string {
  const encoded = encodeURIComponent(version)
    .replace(/[!'()*~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%', '=');
  // An encoded version has hexadecimal digits after each `=`, and h is none.
  return encoded.length <= MAX_ENCODED_LENGTH
    ? encoded
    : `=h${createHash('sha256').update(version).digest('hex')}`;
}

export const latestKey = (name: string): string => LATEST_ROWS + nameKey(name);
/** What the keys of all versions of a server begin with, and of no other server's. */
export const versionsOf = (name: string): string => `${VERSION_ROWS}${nameKey(name)}:`;
export const versionKey = (name: string, version: string): string =>
  versionsOf(name) + versionKeyPart(version);
