import type { OutboundBody } from './outboundBody.ts';

/** Replaces known secret values. */
export interface Redactor {
  /** Returns the text with `[redacted]` in the place of each secret. */
  readonly text: (text: string) => string;
  /** Does the same for bytes in UTF-8. Returns the same buffer where it holds no secret. */
  readonly bytes: (bytes: Buffer) => Buffer;
}

export const REDACTED = '[redacted]';

/** A shorter value is part of ordinary words, so it is not looked for. */
const MIN_LENGTH = 6;
/** JSON within JSON within JSON: how often an escape itself may be escaped, and how many backslashes it has then. */
const MAX_NESTING = 3;
const MAX_BACKSLASHES = 4;

/**
 * Returns a redactor for values of visible ASCII: as they stand, as JSON escapes them (RFC 8259, section 7), also where JSON is
 * within JSON, and for `Bearer …` and `Basic …` the credentials alone, decoded too. Undefined where no value is long enough.
 */
export function createRedactor(values: Iterable<string>): Redactor | undefined {
  const secrets = [...new Set([...values].flatMap(spellingsOf))].filter(
    (secret) => secret.length >= MIN_LENGTH && /^[\x20-\x7e]+$/.test(secret),
  );
  if (secrets.length === 0) return undefined;
  // The longest first, so that a whole value is replaced and not a part of it.
  secrets.sort((one, other) => other.length - one.length);
  const pattern = new RegExp(secrets.map(anySpelling).join('|'), 'g');
  // Each longer secret holds one of these.
  const needles = secrets.filter(
    (secret) => !secrets.some((other) => other !== secret && secret.includes(other)),
  );
  const areEscaped = needles.some((needle) => /["\\]/.test(needle));
  const maybeIn = (text: string | Buffer): boolean =>
    needles.some((needle) => text.includes(needle)) ||
    (text.includes('\\') && (areEscaped || text.includes('\\u00') || text.includes('\\/')));
  const text = (given: string): string => (maybeIn(given) ? given.replace(pattern, REDACTED) : given);
  return {
    text,
    bytes(given) {
      if (!maybeIn(given)) return given;
      // One character a byte: what is not ASCII is part of no secret, and stays as it is.
      const read = given.toString('latin1');
      const redacted = read.replace(pattern, REDACTED);
      return redacted === read ? given : Buffer.from(redacted, 'latin1');
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

/** Larger than any answer that is taken: a longer line is given on as it is and refused for its size. */
const MAX_HELD_BYTES = 4 * 1024 * 1024 + 1;

/**
 * A body whose secrets are redacted. Of a body that is read in chunks only whole lines are given: no secret spans two lines, and
 * who reads events waits for the end of the line anyway.
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
