/** The parameters of a bearer challenge that a sign-in needs (RFC 6750, section 3; RFC 9728, section 5.1). */
export interface BearerChallenge {
  readonly error?: string | undefined;
  readonly scope?: string | undefined;
  readonly resourceMetadata?: string | undefined;
}

/** Characters of a header that are read: no server needs more. */
const MAX_LENGTH = 8_192;

/** Returns the parameters of the bearer challenge in a `WWW-Authenticate`, or `undefined` where it holds none. */
export function bearerChallengeIn(header: string | undefined): BearerChallenge | undefined {
  const text = (header ?? '').slice(0, MAX_LENGTH);
  const begin = /(?:^|,\s*)Bearer(?=\s|$|,)/i.exec(text);
  if (!begin) return undefined;
  const found = new Map<string, string>();
  // A parameter is a token or a quoted string (RFC 9110, section 11.2). The next scheme is a word without "=".
  const parameter = /\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|$)/y;
  parameter.lastIndex = begin.index + begin[0].length;
  for (let match = parameter.exec(text); match; match = parameter.exec(text)) {
    const [, name = '', quoted, token = ''] = match;
    found.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token);
  }
  return {
    error: found.get('error'),
    scope: found.get('scope'),
    resourceMetadata: found.get('resource_metadata'),
  };
}
