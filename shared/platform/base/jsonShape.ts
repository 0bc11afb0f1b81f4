/** How much structure a JSON value may have. */
export interface Bounds {
  readonly depth: number;
  readonly keys: number;
}

/** What no client sends by intent. Body size is bounded before parsing. */
export const MESSAGE_BOUNDS: Bounds = { depth: 64, keys: 10_000 };
/** `JSON.stringify` fails at some thousand levels; real results stay far below this. Their size is bounded in bytes. */
export const ANSWER_BOUNDS: Bounds = { depth: 256, keys: Infinity };

/**
 * Says in words what makes a parsed JSON value unsafe to walk, copy or pass on, or undefined when nothing does. A key
 * `__proto__` is refused since a careless copy by anyone further down would change its prototype. Walks without recursion.
 */
export function unsafeShape(value: unknown, bounds: Bounds): string | undefined {
  const nodes: unknown[] = [value];
  const depths = [1];
  let keys = 0;
  for (let node = nodes.pop(), depth = depths.pop() ?? 1; ; node = nodes.pop(), depth = depths.pop() ?? 1) {
    if (typeof node === 'object' && node !== null) {
      if (depth > bounds.depth) return `is nested deeper than ${bounds.depth} levels`;
      if (!Array.isArray(node)) {
        const names = Object.keys(node);
        keys += names.length;
        if (keys > bounds.keys) return `has more than ${bounds.keys} keys`;
        if (names.includes('__proto__')) return 'has a key "__proto__"';
      }
      for (const child of Object.values(node)) {
        if (typeof child === 'object' && child !== null) {
          nodes.push(child);
          depths.push(depth + 1);
        }
      }
    }
    if (nodes.length === 0) return undefined;
  }
}

/**
 * Whether a parsed JSON value is longer than `max` characters of JSON. It counts escaped characters as one. It stops once the
 * value is too long, and walks without recursion.
 */
export function isLongerThan(value: unknown, max: number): boolean {
  let left = max;
  const nodes: unknown[] = [value];
  while (nodes.length > 0 && left >= 0) {
    const node = nodes.pop();
    if (typeof node === 'string') left -= node.length + 2;
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
