/** What a scan of a valid JSON text finds. */
export interface JsonScan {
  /** Levels of nesting. */
  readonly depth: number;
  /** Keys of all objects. A key that an object repeats counts each time. */
  readonly keys: number;
  /** Whether a key may be `__proto__`. */
  readonly mayNamePrototype: boolean;
  /** Whether a double would change the text of a number. */
  readonly hasExactNumber: boolean;
  /** Whether there are no line breaks and no tabs. Within a string, JSON has neither. */
  readonly isOneLine: boolean;
  /** Keys of the outermost object. A repeated key counts each time. */
  readonly outerKeys: number;
  /** The value of the field in the outermost object: where it starts and ends, and how many keys it has if it is an object. */
  readonly field: { readonly start: number; readonly end: number; readonly keys: number } | undefined;
}

/** Also matches harmless texts. An escape of a letter of `__proto__` has a code between 50 and 7f. */
const MAY_NAME_PROTOTYPE = /__proto__|\\u00[567]/;

/**
 * Scans a valid JSON text. It skips strings without looking at their characters, so it costs far less than a walk over the value.
 * Finds the last `field` whose key has no escapes. The text may also be UTF-8 bytes as Latin-1: then indices are of the bytes.
 */
export function scanJson(text: string, field = ''): JsonScan {
  const { length } = text;
  const found = { start: -1, end: -1, keys: 0 };
  let [depth, deepest, keys, outerKeys] = [0, 0, 0, 0];
  let [hasExactNumber, isOneLine] = [false, true];
  let [string, endOfLast] = [0, 0];
  for (let at = 0; at < length;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      string = at;
      at = endOfLast = endOfString(text, at);
      continue;
    }
    if (code === MINUS || isDigit(code)) {
      const end = endOfNumber(text, at);
      hasExactNumber ||= !isKept(text, at, end);
      at = end;
      continue;
    }
    if (code === COLON) {
      keys += 1;
      if (depth === 1) {
        outerKeys += 1;
        if (endOfLast - string === field.length + 2 && text.startsWith(field, string + 1)) {
          found.start = at + 1;
          found.end = -1;
          found.keys = 0;
        }
      } else if (depth === 2 && found.end < found.start) found.keys += 1;
    } else if (code === COMMA) {
      if (depth === 1 && found.end < found.start) found.end = at;
    } else if (code < SPACE) isOneLine = false;
    // The brackets differ from the braces in one bit.
    else if ((code | 0x20) === OPEN) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if ((code | 0x20) === CLOSE) {
      depth -= 1;
      if (depth === 0 && found.end < found.start) found.end = at;
    }
    at += 1;
  }
  return {
    depth: deepest,
    keys,
    outerKeys,
    hasExactNumber,
    isOneLine,
    mayNamePrototype: MAY_NAME_PROTOTYPE.test(text),
    field: found.start === -1 ? undefined : found,
  };
}

const [QUOTE, COMMA, MINUS, POINT, ZERO, COLON, BACKSLASH] = [
  0x22, 0x2c, 0x2d, 0x2e, 0x30, 0x3a, 0x5c,
] as const;
const [SPACE, OPEN, CLOSE] = [0x20, 0x7b, 0x7d] as const;
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
/** In JSON, every character up to the space is white space. */
export const isSpace = (code: number): boolean => code <= 0x20;

/** Returns the index behind the string that starts at `start`. */
export function endOfString(text: string, start: number): number {
  // Most strings are short keys, for which a call of `indexOf` costs more than a look at each character.
  for (let at = start + 1; at < start + SHORT; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) break;
  }
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    // An odd number of backslashes escapes the quotation mark.
    if ((end - before) % 2 === 1) return end + 1;
  }
}
const SHORT = 24;

export function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (isNumeric(text.charCodeAt(end))) end += 1;
  return end;
}
/** `0-9`, `+`, `-`, `.`, `E` and `e`. */
const isNumeric = (code: number): boolean =>
  isDigit(code) || code === POINT || code === 0x65 || code === MINUS || code === 0x2b || code === 0x45;

/** A double has at least so many decimal digits. */
const SAFE_DIGITS = 15;

/** Whether a double keeps the text of the number. */
export function isKept(text: string, start: number, end: number): boolean {
  if (isShortDecimal(text, start, end)) return true;
  const source = text.slice(start, end);
  return String(Number(source)) === source;
}

/** Whether a number is like `12`, `-12` or `12.5`: with few digits, without an exponent and without a zero at either end. */
function isShortDecimal(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start) === MINUS ? start + 1 : start;
  if (end - first > SAFE_DIGITS) return false;
  let point = -1;
  for (let at = first; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === POINT) point = at;
    else if (!isDigit(code)) return false;
  }
  const startsWithZero = text.charCodeAt(first) === ZERO;
  return point === -1
    ? first === start || !startsWithZero
    : !startsWithZero && text.charCodeAt(end - 1) !== ZERO;
}
