import { isExactNumber } from './exactJson.ts';
import type { JsonScan } from './jsonScan.ts';

/** Parses a text; throws where it is not JSON. */
export type ParseText = (text: string) => unknown;

/** Returns the value that a JSON text holds, or `undefined` where the text is not JSON. `parse` may read numbers in its own way. */
export function parseJson(text: string, parse: ParseText = JSON.parse): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Does the same for bytes. Returns `undefined` also where they are not UTF-8. */
export function parseJsonBytes(bytes: Uint8Array, parse: ParseText = JSON.parse): unknown {
  try {
    return parse(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}

/**
 * Returns the canonical JSON of a value: keys in the order of their UTF-16 code units, no white space, no absent values (RFC
 * 8785). An exact number keeps its text.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null || isExactNumber(value)) return JSON.stringify(value);
  const fields = value as Readonly<Record<string, unknown>>;
  let text = '';
  for (const name of Object.keys(fields).sort()) {
    const field = fields[name];
    if (field !== undefined)
      text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(field)}`;
  }
  return `{${text}}`;
}

/** Limits of the structure of a JSON value. */
export interface Bounds {
  readonly depth: number;
  readonly keys: number;
}

/** Limits of a message of a client. No client exceeds them on purpose. The size of a body is bounded before it is parsed. */
export const MESSAGE_BOUNDS: Bounds = { depth: 64, keys: 10_000 };
/**
 * Limits of an answer of a server. `JSON.stringify` fails at some thousand levels; real results stay far below this. Their size
 * is bounded in bytes.
 */
export const ANSWER_BOUNDS: Bounds = { depth: 256, keys: Infinity };

/**
 * Returns the reason why a parsed JSON value is unsafe to walk, copy or pass on, or `undefined` for a safe value. A key
 * `__proto__` is unsafe: a careless copy would change the prototype of the copy. The limit of the depth bounds the recursion.
 */
export function unsafeShape(value: unknown, bounds: Bounds): string | undefined {
  let keys = 0;
  const unsafeNode = (node: unknown, depth: number): string | undefined => {
    if (typeof node !== 'object' || node === null || isExactNumber(node)) return undefined;
    if (depth > bounds.depth) return `is nested deeper than ${bounds.depth} levels`;
    if (Array.isArray(node)) {
      for (const child of node) {
        const unsafe = unsafeNode(child, depth + 1);
        if (unsafe !== undefined) return unsafe;
      }
      return undefined;
    }
    const fields = node as Readonly<Record<string, unknown>>;
    // Parsed JSON has no inherited keys.
    for (const name in fields) {
      if (name === '__proto__') return 'has a key "__proto__"';
      if (++keys > bounds.keys) return `has more than ${bounds.keys} keys`;
      const unsafe = unsafeNode(fields[name], depth + 1);
      if (unsafe !== undefined) return unsafe;
    }
    return undefined;
  };
  return unsafeNode(value, 1);
}

/** Returns the same for the value of a scanned text. Walks over the value only where the scan does not show that it is safe. */
export const unsafeText = (
  { depth, keys, mayNamePrototype }: JsonScan,
  value: unknown,
  bounds: Bounds,
): string | undefined =>
  depth <= bounds.depth && keys <= bounds.keys && !mayNamePrototype ? undefined : unsafeShape(value, bounds);

/**
 * Returns whether a parsed JSON value is longer than `max` characters of JSON. An escaped character counts as one. The walk stops
 * once the value is too long, and uses no recursion.
 */
export function isLongerThan(value: unknown, max: number): boolean {
  let left = max;
  const nodes: unknown[] = [value];
  while (nodes.length > 0 && left >= 0) {
    const node = nodes.pop();
    if (typeof node === 'string') left -= node.length + 2;
    else if (isExactNumber(node)) left -= node.rawJSON.length;
    else if (typeof node !== 'object' || node === null) left -= String(node).length;
    else {
      const children: unknown[] = Object.values(node);
      left -= 2 + Math.max(0, children.length - 1);
      if (!Array.isArray(node)) for (const key of Object.keys(node)) left -= key.length + 3;
      if (left >= 0) for (const child of children) nodes.push(child);
    }
  }
  return left < 0;
}
