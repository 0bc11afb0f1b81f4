import { createHash } from 'node:crypto';
import { MAX_VERSION_KEY_LENGTH } from '../limits.ts';

/** Prefixes of row keys: of the latest version of each server, and of every version. */
export const LATEST_ROWS = 'l:';
export const VERSION_ROWS = 'v:';

/** A name has one slash and no colon, so no two names have the same key. */
const nameKey = (name: string): string => name.replace('/', ':');

/** Encodes any text in letters, digits and `- _ . =`. No two texts have the same result. */
function versionKeyPart(version: string): string {
  const encoded = encodeURIComponent(version)
    .replace(/[!'()*~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%', '=');
  // In an encoded version hexadecimal digits follow each `=`, so `=h` marks a hash.
  return encoded.length <= MAX_VERSION_KEY_LENGTH
    ? encoded
    : `=h${createHash('sha256').update(version).digest('hex')}`;
}

export const latestKey = (name: string): string => LATEST_ROWS + nameKey(name);
/** Returns the prefix of the keys of all versions of one server. */
export const versionsOf = (name: string): string => `${VERSION_ROWS}${nameKey(name)}:`;
export const versionKey = (name: string, version: string): string =>
  versionsOf(name) + versionKeyPart(version);
