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
 * first spelling of its name stays: `/params/7?Id=UP` on the route `{id}` gives `Id: '7'` and no `id`.
 */
export function httpTriggerMetadata(source: BindingSource): Record<string, TypedData> {
  const values = new Map<string, { name: string; value: TypedData }>();
  const set = (name: string, value: TypedData): void => {
    const key = name.toLowerCase();
    values.set(key, { name: values.get(key)?.name ?? name, value });
  };
  for (const [name, value] of scalarsOf(source.body)) set(name, { string: value });
  for (const [name, value] of source.query) {
    // The query parameter that carries a function key is never bound.
    if (name.toLowerCase() !== 'code') set(name, { string: value });
  }
  for (const [name, value] of Object.entries(source.routeValues)) set(name, { string: value });
  values.set('headers', { name: 'Headers', value: { json: JSON.stringify(source.headers) } });
  values.set('query', { name: 'Query', value: { json: JSON.stringify(joinedQuery(source.query)) } });
  return Object.fromEntries([...values.values()].map(({ name, value }) => [name, value]));
}

/** One value a name, as .NET writes a repeated one. */
export function joinedQuery(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries([...new Set(query.keys())].map((name) => [name, query.getAll(name).join(',')]));
}

function scalarsOf(body: Buffer | undefined): [string, string][] {
  if (!body?.length) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return [];
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return [];
  return Object.entries(parsed).flatMap(([name, value]): [string, string][] => {
    if (typeof value === 'boolean') return [[name, value ? 'True' : 'False']];
    return typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [];
  });
}
