import { asDouble, isExactNumber } from '../../platform/base/exactJson.ts';
import { isObject, type JsonObject } from './jsonRpc.ts';

/** The result of a reader for a value whose meaning is not plain. */
export const ODD = Symbol('odd');

/** Called with the path of each part that is left out because its meaning is not plain. */
export type OnLeftOut = (path: string) => void;

/**
 * Reads a value that a server sent. Returns the value as the specification wants it, `undefined` for an absent value, or `ODD`.
 * It returns a valid value unchanged.
 */
export type Read = (value: unknown, leftOut: OnLeftOut) => unknown;

/** The readers of an object's fields. Fields without a reader stay unchanged, also when their value is null. */
export type Fields = ReadonlyMap<string, Read>;

export const fieldsOf = (fields: Readonly<Record<string, Read>>): Fields => new Map(Object.entries(fields));

/** Reads the fields of an object. The order of its keys stays. A field whose meaning is not plain is left out. */
export function readFields(value: JsonObject, fields: Fields, leftOut: OnLeftOut): JsonObject {
  const made: Record<string, unknown> = {};
  for (const [key, sent] of Object.entries(value)) {
    const read = fields.get(key);
    if (read === undefined) {
      made[key] = sent;
      continue;
    }
    const found = read(sent, (path) => {
      leftOut(`${key}.${path}`);
    });
    if (found === ODD) leftOut(key);
    else if (found !== undefined) made[key] = found;
  }
  return made;
}

/** Many serializers write null for an absent value. */
const present =
  (read: Read): Read =>
  (value, leftOut) =>
    value === null || value === undefined ? undefined : read(value, leftOut);

/** Any value but null. */
export const notNull: Read = present((value) => value);

/** Text. A number is written as text, and a list of lines as lines. */
export const text: Read = present((value) => {
  if (typeof value === 'string') return value;
  if (isExactNumber(value)) return value.rawJSON;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const isLines = Array.isArray(value) && value.length > 0 && value.every((line) => typeof line === 'string');
  return isLines ? value.join('\n') : ODD;
});

const flags: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...([true, 1, 'true', 'True', '1'] as const).map((word) => [word, true] as const),
  ...([false, 0, 'false', 'False', '0'] as const).map((word) => [word, false] as const),
]);

export const flag: Read = present((value) => flags.get(asDouble(value)) ?? ODD);

/** A number of the range. Digits as text are a number. */
export const numberIn = (least: number, most: number): Read =>
  present((value) => {
    const sent = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    const number = asDouble(sent);
    return typeof number === 'number' && number >= least && number <= most ? sent : ODD;
  });

export const oneOf = (...words: readonly string[]): Read =>
  present((value) => (typeof value === 'string' && words.includes(value) ? value : ODD));

/** A value of a form that `isSound` checks. */
export const only = (isSound: (value: unknown) => boolean): Read =>
  present((value) => (isSound(value) ? value : ODD));

/** Some languages have one type for lists and maps, so they write an empty list for an empty map and the other way round. */
const isEmptyMap = (value: unknown): boolean => isObject(value) && Object.keys(value).length === 0;
const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** A list. A single sound item is a list of one. Null items, and items whose meaning is not plain, are left out. */
export const listOf = (read: Read): Read =>
  present((value, leftOut) => {
    if (isEmptyMap(value)) return [];
    if (!Array.isArray(value)) {
      const single = read(value, () => undefined);
      return single === ODD || single === undefined ? ODD : [single];
    }
    return (value as unknown[]).flatMap((item, index) => {
      const found = read(item, (path) => {
        leftOut(`${index}.${path}`);
      });
      if (found === ODD) leftOut(String(index));
      return found === ODD || found === undefined ? [] : [found];
    });
  });

/** An object. `true` and an empty list say that it is there and says nothing more; `false` says that it is absent. */
export const object = (fields: Fields): Read =>
  present((value, leftOut) => {
    if (value === false) return undefined;
    if (value === true || isEmptyList(value)) return {};
    return isObject(value) ? readFields(value, fields, leftOut) : ODD;
  });

/** An object with a value of one kind for each key. */
export const mapOf = (read: Read): Read =>
  present((value, leftOut) => {
    if (isEmptyList(value)) return {};
    if (!isObject(value)) return ODD;
    return readFields(value, new Map(Object.keys(value).map((key) => [key, read])), leftOut);
  });

/** Reads strictly: where a part of the value is not plain, the whole value is not. */
export const whole =
  (read: Read): Read =>
  (value) => {
    const leftOut: string[] = [];
    const found = read(value, (path) => leftOut.push(path));
    return leftOut.length === 0 ? found : ODD;
  };
