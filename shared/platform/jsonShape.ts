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
