import { createHash, createHmac } from 'node:crypto';
import { canonicalJson } from '../base/json.ts';
import type { Config } from './config.ts';
import { type SettingName, settingNames, settings } from './settings.ts';

/** Returns every secret of the settings. No log may show one. */
export const secretsOf = (config: Config): readonly string[] =>
  settingNames.flatMap((name) => settings[name].secretsIn?.(config) ?? []);

/** Fingerprints by setting. Two apps with the same fingerprint have the same value. */
export type Fingerprints = Readonly<Partial<Record<SettingName, string>>>;

/** Characters of base64url: 96 bits. */
const FINGERPRINT_LENGTH = 16;

/**
 * Returns fingerprints of the settings in `set`. The key must not be stored with them: some settings have few possible values,
 * and with the key a reader could try them all. A fingerprint holds no key of a connection and no password
 * (`comparable` of the setting), so two apps may use different keys to the same place.
 */
export function fingerprintsOf(config: Config, set: readonly SettingName[], key: string): Fingerprints {
  return Object.fromEntries(
    set.map((name) => {
      const text = `${name}\0${canonicalJson(settings[name].comparable(config) ?? null)}`;
      return [name, createHmac('sha256', key).update(text).digest('base64url').slice(0, FINGERPRINT_LENGTH)];
    }),
  );
}

/** Returns a name for a key that does not reveal it. Fingerprints of different keys cannot be compared. */
export const keyIdOf = (key: string): string =>
  createHash('sha256').update(`key id\0${key}`).digest('base64url').slice(0, 8);
