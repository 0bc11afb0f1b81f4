export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Empty where the answer has no JSON body. */
  readonly body: Record<string, unknown>;
}

export interface Api {
  get(path: string): Promise<Answer>;
  /** A string is sent as it stands, anything else as JSON. */
  post(path: string, body: unknown): Promise<Answer>;
  delete(path: string): Promise<Answer>;
}

/** The management API as a caller with this token sees it. */
export function managementApi(origin: string, token: string | undefined): Api {
  const call = async (method: string, path: string, body?: string): Promise<Answer> => {
    const response = await fetch(origin + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {},
    };
  };
  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, typeof body === 'string' ? body : JSON.stringify(body)),
    delete: (path) => call('DELETE', path),
  };
}
