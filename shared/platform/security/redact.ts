/** Replaces known secret values. */
export interface Redactor {
  /** Returns the text with `[redacted]` in the place of each secret. */
  readonly text: (text: string) => string;
  /** Does the same for bytes in UTF-8. Returns the same buffer where it holds no secret. */
  readonly bytes: (bytes: Buffer) => Buffer;
}

const REDACTED = '[redacted]';

/** A shorter value is part of ordinary words, so it is not looked for. */
const MIN_LENGTH = 6;
/** Characters of a secret that a text is searched for first. */
const PROBE_LENGTH = 16;

/** A secret without escapes. */
interface Needle {
  readonly secret: string;
  /** Its beginning. A text without it holds the secret only escaped. */
  readonly probe: string;
}

/**
 * Returns a redactor for values: as they stand, as JSON escapes them (RFC 8259, section 7), also where JSON is within JSON, and for
 * `Bearer …` and `Basic …` the credentials alone, decoded too. Undefined where no value is long enough. It takes time in
 * proportion to the length of the text, whatever the text and the values are.
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

/** A value, and what of it is secret by itself (RFC 7617: `Basic` holds a user and a password). */
function spellingsOf(value: string): string[] {
  const [, scheme = '', credentials = ''] = /^([\w-]+) +(\S+)$/.exec(value) ?? [];
  if (credentials === '') return [value];
  if (scheme.toLowerCase() !== 'basic') return [value, credentials];
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  return [value, credentials, pair, pair.slice(pair.indexOf(':') + 1)];
}

/** What of JSON's escapes a text must hold at least in which one of the values is escaped. */
function escapesOf(values: readonly string[]): readonly string[] {
  const whole = values.join('');
  // eslint-disable-next-line no-control-regex -- JSON escapes control characters
  if (/["\\\x00-\x1f]/.test(whole)) return ['\\'];
  return ['\\/', /[^\x20-\x7e]/.test(whole) ? '\\u' : '\\u00'];
}

function needleOf(secret: string): Needle {
  // Half a character at the cut is found in no bytes.
  const probe = secret.slice(0, PROBE_LENGTH).replace(/[\ud800-\udbff]$/, '');
  return { secret, probe };
}

/** For each number of characters at the beginning: how many of their last ones are a beginning too (Knuth, Morris and Pratt, 1977). */
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

/** All places of a secret in a text. Those that overlap are one. */
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

/** Backslashes, which JSON may have written as an escape themselves, and the character that they escape by its number. */
const ESCAPE = /(?:\\(?:u005c)?)+(?:u([\da-f]{4}))?/gi;

/**
 * A text without backslashes, in which each `\u0041` is the character itself. A secret and a text are compared without them, so
 * that it does not matter how often either was escaped. `startOf` says where in the text a character of it begins, with its escape.
 */
function unescaped(text: string): { readonly plain: string; readonly startOf: (index: number) => number } {
  if (!text.includes('\\')) return { plain: text, startOf: (index) => index };
  const starts = new Uint32Array(text.length + 1);
  let plain = '';
  let from = 0;
  const add = (characters: string, at: number, escapedFrom = at) => {
    for (let index = 0; index < characters.length; index++) starts[plain.length + index] = at + index;
    // What escapes a character is a part of it.
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
