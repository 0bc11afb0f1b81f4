import { endOfNumber, endOfString, isKept, isSpace, type JsonScan, scanJson } from './jsonScan.ts';

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
 * becomes an `ExactNumber`, so `JSON.stringify` writes each number as it came. In a text of more than `MAX_DEPTH` levels or
 * `MAX_EXACT_NUMBERS` such numbers all numbers are doubles.
 * @throws SyntaxError as `JSON.parse`
 */
export function parseExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return withExactNumbers(text, value, scanJson(text));
}

/** Returns the same for a text that was parsed and scanned. Texts without exact numbers are not read again. */
export const withExactNumbers = (text: string, value: unknown, { hasExactNumber }: JsonScan): unknown =>
  hasExactNumber ? (readExactly(text) ?? value) : value;

/** More levels than any caller accepts (`MESSAGE_BOUNDS`, `ANSWER_BOUNDS`). The bound protects the call stack. */
const MAX_DEPTH = 512;

/** The attributes of a property that an assignment makes. */
const PLAIN = { enumerable: true, writable: true, configurable: true } as const;

/** More exact numbers than real documents have. The bound protects the event loop: each is a small object. */
const MAX_EXACT_NUMBERS = 100_000;

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
      if (name === '__proto__') Object.defineProperty(fields, name, { value, ...PLAIN });
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
