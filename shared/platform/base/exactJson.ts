/**
 * A number whose text a double would change: `725653563933458432`, `1.0`, `1e400`, `-0`. `JSON.stringify` writes its text
 * (ECMAScript, `JSON.rawJSON`).
 */
export interface ExactNumber {
  readonly rawJSON: string;
}

declare global {
  // Node has both since version 21. The libraries of TypeScript do not declare them yet.
  interface JSON {
    rawJSON(text: string): ExactNumber;
    isRawJSON(value: unknown): value is ExactNumber;
  }
}

export const isExactNumber = (value: unknown): value is ExactNumber => JSON.isRawJSON(value);

/** Returns the nearest double of an exact number, and every other value unchanged. */
export const asDouble = (value: unknown): unknown => (isExactNumber(value) ? Number(value.rawJSON) : value);

/** Returns a copy of a parsed JSON value in which every number is a double, for code that computes with it. */
export const withDoubles = (value: object): unknown => JSON.parse(JSON.stringify(value));

/**
 * Returns the value that a JSON text holds, for documents that the gateway passes on. A number that a double would change
 * becomes an `ExactNumber`, so `JSON.stringify` writes each number as it came. A text without such numbers is parsed once. In a
 * text of more than `MAX_DEPTH` levels or `MAX_EXACT_NUMBERS` such numbers all numbers are doubles.
 * @throws SyntaxError as `JSON.parse`
 */
export function parseExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return MAY_HAVE_EXACT_NUMBER.test(text) && hasExactNumber(text) ? (readExactly(text) ?? value) : value;
}

/**
 * Matches every text with an exact number: one of 16 digits or more, one with a fraction or an exponent, or `-0`. It also matches
 * texts without one, such as a date in a string. It costs far less than the scan, which most texts then do not need.
 */
const MAY_HAVE_EXACT_NUMBER = /\d[.eE]|-0|(?<!\d)\d{16}/;

/** More levels than any caller accepts (`MESSAGE_BOUNDS`, `ANSWER_BOUNDS`). The bound protects the call stack. */
const MAX_DEPTH = 512;

/** More exact numbers than real documents have. The bound protects the event loop: each is a small object. */
const MAX_EXACT_NUMBERS = 100_000;

/** Scans the numbers of a valid JSON text. It skips strings without looking at their characters. */
function hasExactNumber(text: string): boolean {
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === MINUS || isDigit(code)) {
      const end = endOfNumber(text, at);
      if (!isKept(text, at, end)) return true;
      at = end;
    } else at += 1;
  }
  return false;
}

/**
 * Reads a valid JSON text; `undefined` for one that is too deep or has too many exact numbers. It is several times faster than the
 * reviver of `JSON.parse`, which gets the texts of numbers too.
 */
function readExactly(text: string): unknown {
  let at = 0;
  let depth = 0;
  let exact = 0;
  const next = (): string | undefined => {
    while (isSpace(text.charCodeAt(at))) at += 1;
    return text[at];
  };
  const readString = (): string => {
    const start = at;
    at = endOfString(text, at);
    const inner = text.slice(start + 1, at - 1);
    return inner.includes('\\') ? String(JSON.parse(text.slice(start, at))) : inner;
  };
  const readList = (): unknown[] => {
    const list: unknown[] = [];
    for (at += 1; next() !== ']';) {
      list.push(readValue());
      if (next() === ',') at += 1;
    }
    at += 1;
    return list;
  };
  const readObject = (): object => {
    const fields: Record<string, unknown> = {};
    for (at += 1; next() !== '}';) {
      const name = readString();
      next();
      at += 1;
      const value = readValue();
      if (name === '__proto__') Object.defineProperty(fields, name, { value, enumerable: true });
      else fields[name] = value;
      if (next() === ',') at += 1;
    }
    at += 1;
    return fields;
  };
  const nested = <T>(read: () => T): T => {
    depth += 1;
    if (depth > MAX_DEPTH) throw new RangeError('too deep');
    const value = read();
    depth -= 1;
    return value;
  };
  const readValue = (): unknown => {
    switch (next()) {
      case '"':
        return readString();
      case '{':
        return nested(readObject);
      case '[':
        return nested(readList);
      case 't':
        at += 4;
        return true;
      case 'f':
        at += 5;
        return false;
      case 'n':
        at += 4;
        return null;
      default: {
        const start = at;
        at = endOfNumber(text, start);
        const source = text.slice(start, at);
        if (isKept(text, start, at)) return Number(source);
        exact += 1;
        if (exact > MAX_EXACT_NUMBERS) throw new RangeError('too many exact numbers');
        return JSON.rawJSON(source);
      }
    }
  };
  try {
    return readValue();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const [QUOTE, MINUS, POINT, ZERO, BACKSLASH] = [0x22, 0x2d, 0x2e, 0x30, 0x5c] as const;
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
/** In JSON, every character up to the space is white space. */
const isSpace = (code: number): boolean => code <= 0x20;

/** Returns the index behind the string that starts at `start`. */
function endOfString(text: string, start: number): number {
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

function endOfNumber(text: string, start: number): number {
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
function isKept(text: string, start: number, end: number): boolean {
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
