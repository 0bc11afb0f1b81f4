/** What a browser or a client sent. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** The fields of a form; empty for another body. */
  readonly form: URLSearchParams;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const json = (body: object, status = 200, cacheControl = 'no-store'): Reply => ({
  status,
  headers: { 'Content-Type': 'application/json', 'Cache-Control': cacheControl },
  body: JSON.stringify(body),
});

/** Returns a redirect with these parameters. A parameter without a value is left out. */
export function redirect(to: string, parameters: Readonly<Record<string, string | null>> = {}): Reply {
  const url = new URL(to);
  for (const [name, value] of Object.entries(parameters))
    if (value !== null) url.searchParams.set(name, value);
  return { status: 303, headers: { Location: url.href, 'Cache-Control': 'no-store' }, body: '' };
}
