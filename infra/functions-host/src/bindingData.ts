import type { TypedData } from './coreTypes.ts';

export interface BindingSource {
  readonly routeValues: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined where Azure does not read the body before the handler: chunked, or none. */
  readonly body: Buffer | undefined;
}

/**
 * What a streamed HTTP request carries beside itself. The library makes `request.params` of each string in it, so a
 * handler's parameters hold the scalars of a JSON body, then the query, then the route. A later value wins, but the
 * first spelling of its name stays: `/params/7?Id=UP` on the route `{id}` gives `Id: '7'` and no `id`. The host adds
 * the request's own `Headers` and `Query` last, and keeps a value that already has such a name, in any spelling: a
 * caller can replace both.
 */
export function httpTriggerMetadata(source: BindingSource): Record<string, TypedData> {
  const spellings = new Map<string, string>();
  // A body may have any name in it, `__proto__` for instance.
  const metadata = Object.create(null) as Record<string, TypedData>;
  const set = (name: string, value: string): void => {
    const key = name.toLowerCase();
    const spelling = spellings.get(key) ?? name;
    spellings.set(key, spelling);
    metadata[spelling] = { string: value };
  };
  setScalars(source.body, set);
  for (const [name, value] of source.query) {
    // The query parameter that carries a function key is never bound.
    if (name.toLowerCase() !== 'code') set(name, value);
  }
  for (const [name, value] of Object.entries(source.routeValues)) set(name, value);
  if (!spellings.has('headers')) metadata['Headers'] = { json: JSON.stringify(source.headers) };
  if (!spellings.has('query')) metadata['Query'] = { json: JSON.stringify(joinedQuery(source.query)) };
  return metadata;
}

/** One value a name, as .NET writes a repeated one. */
export function joinedQuery(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries([...new Set(query.keys())].map((name) => [name, query.getAll(name).join(',')]));
}

function setScalars(body: Buffer | undefined, set: (name: string, value: string) => void): void {
  if (!body?.length) return;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return;
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value === 'boolean') set(name, value ? 'True' : 'False');
    else if (typeof value === 'string' || typeof value === 'number') set(name, String(value));
  }
}
