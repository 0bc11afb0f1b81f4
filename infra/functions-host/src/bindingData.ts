import type { TypedData } from './coreTypes.ts';

export interface BindingSource {
  readonly routeValues: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined when Azure does not read the body before the handler: a chunked body, or none. */
  readonly body: Buffer | undefined;
}

/**
 * Returns the trigger metadata of a streamed HTTP request. The library makes `request.params` of its strings, so the
 * parameters of a handler hold the scalars of a JSON body, then the query, then the route. A later value wins, but the first
 * spelling of its name stays: `/params/7?Id=UP` on the route `{id}` gives `Id: '7'` and no `id`. The host adds `Headers` and
 * `Query` last, and only when no value has such a name in any spelling. So a caller can replace both.
 */
export function httpTriggerMetadata(source: BindingSource): Record<string, TypedData> {
  const spellings = new Map<string, string>();
  // A body can have any name in it, for example `__proto__`.
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
  if (!spellings.has('headers')) metadata['Headers'] = new JsonData(source.headers);
  if (!spellings.has('query')) metadata['Query'] = new JsonData(joinedQuery(source.query));
  return metadata;
}

/** A value that is written as JSON when the library reads it. */
class JsonData implements TypedData {
  readonly #value: object;

  constructor(value: object) {
    this.#value = value;
  }

  get json(): string {
    return JSON.stringify(this.#value);
  }
}

/** Returns one value for each name. Repeated values are joined by commas, as in .NET. */
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
