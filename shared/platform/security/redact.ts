/** Removes known secrets from texts. */
export interface Redactor {
  /** Returns the text with `[redacted]` in place of each secret. */
  readonly text: (text: string) => string;
  /** Does the same for UTF-8. Returns the same buffer where it holds no secret. */
  readonly bytes: (bytes: Buffer) => Buffer;
}

const REDACTED = '[redacted]';

/** Characters. A shorter value could be part of an ordinary word, so it is not redacted. */
const MIN_LENGTH = 6;
/** Characters. A text is first searched for so long a beginning of each secret. */
const PROBE_LENGTH = 16;

/** A secret without escapes. */
interface Needle {
  readonly secret: string;
  /** The beginning of the secret. A text without it can hold the secret only in escaped form. */
  readonly probe: string;
}

/**
 * Returns a redactor for these values, or `undefined` where no value is long enough. It finds each value as it is, and as JSON
 * escapes it (RFC 8259, section 7), also in JSON within JSON. Of `Bearer …` and `Basic …` it also finds the credentials alone,
 * and decoded. Its time grows in proportion to the length of the text, for every text and all values.
 */
export function createRedactor(values: Iterable<string>): Redactor | undefined {
  const spellings = [...values].flatMap(spellingsOf);
  const secrets = [...new Set(spellings.map((value) => unescaped(JSON.stringify(value).slice(1, -1)).plain))];
  const needles = secrets.filter((secret) => secret.length >= MIN_LENGTH).map(needleOf);
  if (needles.length === 0) return undefined;
  const probes = [...new Set(needles.map(({ probe }) => probe))];
  const escapes = escapesOf(spellings);
  const maybeIn = (text: string | Buffer): boolean =>
    probes.some((probe) => text.includes(probe)) ||
    (text.includes('\\') && escapes.some((escape) => text.includes(escape)));
  const text = (given: string): string => (maybeIn(given) ? redact(given, needles) : given);
  return {
    text,
    bytes(given) {
      if (!maybeIn(given)) return given;
      const read = given.toString('utf8');
      const redacted = redact(read, needles);
      return redacted === read ? given : Buffer.from(redacted, 'utf8');
    },
  };
}

/** Returns a value and its secret parts (RFC 7617: `Basic` holds a user and a password). */
function spellingsOf(value: string): string[] {
  const [, scheme = '', credentials = ''] = /^([\w-]+) +(\S+)$/.exec(value) ?? [];
  if (credentials === '') return [value];
  if (scheme.toLowerCase() !== 'basic') return [value, credentials];
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  return [value, credentials, pair, pair.slice(pair.indexOf(':') + 1)];
}

/** Returns escapes of JSON. A text that holds one of the values in escaped form holds at least one of these escapes. */
function escapesOf(values: readonly string[]): readonly string[] {
  const whole = values.join('');
  // eslint-disable-next-line no-control-regex -- JSON escapes control characters
  if (/["\\\x00-\x1f]/.test(whole)) return ['\\'];
  return ['\\/', /[^\x20-\x7e]/.test(whole) ? '\\u' : '\\u00'];
}

function needleOf(secret: string): Needle {
  // UTF-8 has no form for half a surrogate pair.
  const probe = secret.slice(0, PROBE_LENGTH).replace(/[\ud800-\udbff]$/, '');
  return { secret, probe };
}

/**
 * Returns the failure function of the search (Knuth, Morris and Pratt, 1977): for each prefix, the length of its longest border.
 */
function bordersOf(secret: string): Uint32Array {
  const borders = new Uint32Array(secret.length + 1);
  for (let end = 1, matched = 0; end < secret.length; end++) {
    while (matched > 0 && secret[end] !== secret[matched]) matched = borders[matched] ?? 0;
    if (secret[end] === secret[matched]) matched += 1;
    borders[end + 1] = matched;
  }
  return borders;
}

interface Place {
  readonly start: number;
  end: number;
}

/** Returns all places of a secret in a text. Overlapping places are one. */
function placesOf({ secret }: Needle, text: string): readonly Place[] {
  const borders = bordersOf(secret);
  const places: Place[] = [];
  for (let end = 0, matched = 0; end < text.length; end++) {
    const code = text.charCodeAt(end);
    while (matched > 0 && code !== secret.charCodeAt(matched)) matched = borders[matched] ?? 0;
    if (code === secret.charCodeAt(matched)) matched += 1;
    if (matched < secret.length) continue;
    addPlace(places, end + 1 - matched, end + 1);
    matched = borders[matched] ?? 0;
  }
  return places;
}

function addPlace(places: Place[], start: number, end: number): void {
  const last = places.at(-1);
  if (last && start < last.end) last.end = Math.max(last.end, end);
  else places.push({ start, end });
}

function redact(text: string, needles: readonly Needle[]): string {
  const { plain, startOf } = unescaped(text);
  const found = needles.filter(({ probe }) => plain.includes(probe));
  const all = found
    .flatMap((needle) => placesOf(needle, plain))
    .sort((one, other) => one.start - other.start);
  const places: Place[] = [];
  for (const { start, end } of all) addPlace(places, start, end);
  let shown = '';
  let from = 0;
  for (const { start, end } of places) {
    shown += text.slice(from, startOf(start)) + REDACTED;
    from = startOf(end);
  }
  return shown + text.slice(from);
}

/** Matches backslashes, also those that JSON wrote as an escape, and the number of the character that they escape. */
const ESCAPE = /(?:\\(?:u005c)?)+(?:u([\da-f]{4}))?/gi;

/**
 * Returns the text without backslashes, in which each `\u0041` is the character itself. A secret and a text are compared in this
 * form, so it does not matter how often either was escaped. `startOf` returns where a character of it begins in the text, with
 * its escape.
 */
function unescaped(text: string): { readonly plain: string; readonly startOf: (index: number) => number } {
  if (!text.includes('\\')) return { plain: text, startOf: (index) => index };
  const starts = new Uint32Array(text.length + 1);
  let plain = '';
  let from = 0;
  const add = (characters: string, at: number, escapedFrom = at) => {
    for (let index = 0; index < characters.length; index++) starts[plain.length + index] = at + index;
    // The escape of a character is part of it.
    starts[plain.length] = escapedFrom;
    plain += characters;
  };
  let escapedFrom: number | undefined;
  for (const { index, 0: escape, 1: code } of text.matchAll(ESCAPE)) {
    add(text.slice(from, index), from, escapedFrom);
    from = index + escape.length;
    escapedFrom = code === undefined ? index : undefined;
    if (code !== undefined) add(String.fromCharCode(Number.parseInt(code, 16)), index);
  }
  add(text.slice(from), from, escapedFrom);
  starts[plain.length] = text.length;
  return { plain, startOf: (index) => starts[index] ?? text.length };
}
