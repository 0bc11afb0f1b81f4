import { asDouble } from '../../platform/base/exactJson.ts';
import { isObject, type JsonObject } from './jsonRpc.ts';

/** An argument that a modern client repeats in a header `Mcp-Param-{name}`. */
export interface ParameterHeader {
  readonly name: string;
  /** Keys from the root of the arguments to the value. */
  readonly path: readonly string[];
}

/** The param that a request names its subject by. `Mcp-Name` repeats it (2026-07-28, transports, Standard Request Headers). */
export const NAMED_BY: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
]);

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const mirroredTypes: readonly unknown[] = ['string', 'integer', 'boolean'];

/**
 * The `x-mcp-header` annotations of a tool's input schema, or undefined when one of them is invalid: such a tool must be
 * left out (2026-07-28, transports, Custom Headers from Tool Parameters). The schema's depth is bounded before this.
 */
export function parameterHeaders(inputSchema: unknown): readonly ParameterHeader[] | undefined {
  if (!isObject(inputSchema)) return [];
  const found = known.get(inputSchema);
  if (found) return found.headers;
  const headers = readHeaders(inputSchema);
  known.set(inputSchema, { headers });
  return headers;
}

/** Cached by schema, because each call needs the headers and a schema may be long. */
const known = new WeakMap<JsonObject, { readonly headers: readonly ParameterHeader[] | undefined }>();

function readHeaders(inputSchema: JsonObject): readonly ParameterHeader[] | undefined {
  const found: ParameterHeader[] = [];
  const names = new Set<string>();
  /** Only properties of properties may be annotated; `path` is undefined everywhere else. */
  const visit = (schema: unknown, path: readonly string[] | undefined): boolean => {
    if (Array.isArray(schema)) return schema.every((item) => visit(item, undefined));
    if (!isObject(schema)) return true;
    const annotation = schema['x-mcp-header'];
    if (annotation !== undefined) {
      if (path === undefined || path.length === 0) return false;
      if (typeof annotation !== 'string' || !token.test(annotation)) return false;
      if (!mirroredTypes.includes(schema['type']) || names.has(annotation.toLowerCase())) return false;
      names.add(annotation.toLowerCase());
      found.push({ name: annotation, path });
    }
    return Object.entries(schema).every(([key, child]) => {
      if (key === 'properties' && isObject(child)) {
        return Object.entries(child).every(([name, property]) =>
          visit(property, path === undefined ? undefined : [...path, name]),
        );
      }
      return holdsNoSchema.has(key) || visit(child, undefined);
    });
  };
  return visit(inputSchema, []) ? found : undefined;
}

/** Keywords whose value is data, where a key `x-mcp-header` means nothing. */
const holdsNoSchema: ReadonlySet<string> = new Set(['x-mcp-header', 'default', 'const', 'enum', 'examples']);

/** Returns the headers that repeat a call's arguments for a modern server. */
export function mirrorParameters(
  headers: readonly ParameterHeader[],
  args: JsonObject,
): Record<string, string> {
  const mirrored: Record<string, string> = {};
  for (const { name, path } of headers) {
    const text = asText(valueAt(args, path));
    if (text !== undefined) mirrored[`mcp-param-${name.toLowerCase()}`] = encodeHeaderValue(text);
  }
  return mirrored;
}

/** Returns how a header of a call differs from its arguments; `undefined` when none does (same page, Server Behavior). */
export function mismatchedParameter(
  headers: readonly ParameterHeader[],
  args: JsonObject,
  received: Headers,
): string | undefined {
  for (const { name, path } of headers) {
    const value = valueAt(args, path);
    const text = asText(value);
    if (text === undefined) continue;
    const sent = received.get(`mcp-param-${name}`);
    const where = `the argument ${path.join('.')}`;
    if (sent === null) return `the header Mcp-Param-${name} is missing beside ${where}`;
    const decoded = decodeHeaderValue(sent);
    if (decoded === undefined) return `the header Mcp-Param-${name} is not valid Base64 of UTF-8`;
    const equal = decoded === text || (typeof value === 'number' && isNumber(decoded, value));
    if (!equal) return `the header Mcp-Param-${name} differs from ${where}`;
  }
  return undefined;
}

const isNumber = (text: string, value: number): boolean =>
  /^-?\d+(\.\d+)?$/.test(text) && Number(text) === value;

function valueAt(args: JsonObject, path: readonly string[]): unknown {
  let value: unknown = args;
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  // Headers repeat safe integers alone, and compare them as numbers (same page).
  return asDouble(value);
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value);
  return undefined;
}

const sentinel = /^=\?base64\?(.*)\?=$/s;
const plain = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A value as `Mcp-Name` and `Mcp-Param-*` carry it: as it is when plain ASCII, else Base64 (same page, Value Encoding). */
export function encodeHeaderValue(value: string): string {
  if (plain.test(value) && !sentinel.test(value)) return value;
  return `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

/** Decodes such a value; `undefined` when it claims to be Base64 and is not. */
export function decodeHeaderValue(value: string): string | undefined {
  const [, encoded] = sentinel.exec(value) ?? [];
  if (encoded === undefined) return value;
  if (!base64.test(encoded)) return undefined;
  try {
    return utf8.decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
}
