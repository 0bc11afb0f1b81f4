import type { OutboundBody } from './outboundBody.ts';

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
/** JSON within JSON within JSON: how often an escape itself may be escaped, and how many backslashes it has then. */
const MAX_NESTING = 3;
const MAX_BACKSLASHES = 4;

/**
 * Returns a redactor for values of visible ASCII. It finds them as they stand and as JSON escapes them (RFC 8259, section 7),
 * also where JSON is within JSON. Of `Bearer …` and `Basic …` it finds the credentials alone too, and `Basic` ones decoded.
 * Returns `undefined` where no value is long enough.
 */
export function createRedactor(values: Iterable<string>): Redactor | undefined {
  const secrets = [...new Set([...values].flatMap(spellingsOf))].filter(
    (secret) => secret.length >= MIN_LENGTH && /^[\x20-\x7e]+$/.test(secret),
  );
  if (secrets.length === 0) return undefined;
  // The longest first, so that a whole value is replaced and not a part of it.
  secrets.sort((one, other) => other.length - one.length);
  let pattern: RegExp | undefined;
  /** For a token of 2 KB this takes milliseconds, and few answers need it. */
  const spellings = () => (pattern ??= new RegExp(secrets.map(anySpelling).join('|'), 'g'));
  // Each longer secret holds one of these.
  const needles = secrets.filter(
    (secret) => !secrets.some((other) => other !== secret && secret.includes(other)),
  );
  const holds = (characters: RegExp) => needles.some((needle) => characters.test(needle));
  const shortEscapes = [...(holds(/\//) ? ['\\/'] : []), ...(holds(/["\\]/) ? ['\\'] : [])];
  const maybeIn = (text: string | Buffer): boolean =>
    isAnyIn(needles, text) ||
    isAnyIn(shortEscapes, text) ||
    (text.includes('\\u00') && isAnyIn(unicodeEscapes, text));
  const text = (given: string): string => (maybeIn(given) ? given.replace(spellings(), REDACTED) : given);
  return {
    text,
    bytes(given) {
      if (!maybeIn(given)) return given;
      // One character a byte: bytes that are not ASCII are part of no secret and stay as they are.
      const read = given.toString('latin1');
      const redacted = read.replace(spellings(), REDACTED);
      return redacted === read ? given : Buffer.from(redacted, 'latin1');
    },
  };
}

/** How JSON may write any character of visible ASCII. */
const unicodeEscapes = [2, 3, 4, 5, 6, 7].map((digit) => `\\u00${digit}`);

const isAnyIn = (texts: readonly string[], text: string | Buffer): boolean =>
  texts.some((each) => text.includes(each));

/** Returns a value and its parts that are secret by themselves (RFC 7617: `Basic` holds a user and a password). */
function spellingsOf(value: string): string[] {
  const [, scheme = '', credentials = ''] = /^([\w-]+) +(\S+)$/.exec(value) ?? [];
  if (credentials === '') return [value];
  if (scheme.toLowerCase() !== 'basic') return [value, credentials];
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  return [value, credentials, pair, pair.slice(pair.indexOf(':') + 1)];
}

const escaped = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
/**
 * A pattern of the value with each character as it stands or escaped. A run of backslashes is one element together with the
 * character after it, so that no two elements can match the same text in different ways.
 */
function anySpelling(secret: string): string {
  let pattern = '';
  let backslashes = 0;
  for (const character of secret) {
    if (character === '\\') {
      backslashes += 1;
      continue;
    }
    pattern += spellingOf(backslashes, character);
    backslashes = 0;
  }
  return backslashes === 0 ? pattern : pattern + runOf(backslashes);
}

/** A run of at least so many backslashes, each of which may have been escaped again. */
const runOf = (least: number): string => `\\\\{${least},${least * 2 ** MAX_NESTING + MAX_BACKSLASHES}}`;

function spellingOf(backslashes: number, character: string): string {
  const hex = character.charCodeAt(0).toString(16);
  const anyCase = hex.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
  const isPlain = backslashes === 0 && !/["/]/.test(character);
  const most = backslashes * 2 ** MAX_NESTING + MAX_BACKSLASHES;
  return `(?:${isPlain ? '' : runOf(backslashes)}${escaped(character)}|\\\\{${backslashes + 1},${most}}u00${anyCase})`;
}

/** Larger than any answer that the gateway accepts. A longer line is passed on in parts, and refused for its size. */
const MAX_HELD_BYTES = 4 * 1024 * 1024 + 1;

/**
 * Returns a body whose secrets are redacted. When it is read in chunks, each chunk ends with a line: no secret spans two lines,
 * and a reader of events needs the whole line anyway.
 */
export function redactedBody(body: OutboundBody, redactor: Redactor): OutboundBody {
  let held: Buffer[] = [];
  let heldBytes = 0;
  const take = (last?: Buffer): Buffer => {
    const parts = last === undefined ? held : [...held, last];
    held = [];
    heldBytes = 0;
    return redactor.bytes(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts));
  };
  return {
    async bytes(maxBytes, idleMs) {
      const whole = await body.bytes(maxBytes, idleMs);
      return whole && redactor.bytes(whole);
    },
    async next(idleMs) {
      for (;;) {
        const chunk = await body.next(idleMs);
        if (chunk === undefined) return heldBytes === 0 ? undefined : take();
        const end = Math.max(chunk.lastIndexOf(10), chunk.lastIndexOf(13)) + 1;
        const lines = end === 0 ? undefined : take(chunk.subarray(0, end));
        if (end < chunk.byteLength) held.push(chunk.subarray(end));
        heldBytes += chunk.byteLength - end;
        if (lines) return lines;
        if (heldBytes > MAX_HELD_BYTES) return take();
      }
    },
    leave: (lingerMs) => {
      body.leave(lingerMs);
    },
  };
}
