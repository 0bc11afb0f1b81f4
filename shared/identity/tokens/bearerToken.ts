const MAX_TOKEN_LENGTH = 16 * 1024;

/** Returns the token of an `Authorization` header (RFC 6750, section 2.1), unverified, or `undefined` where it holds no JWT. */
export function bearerToken(authorization: string | null): string | undefined {
  const [, token] = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization ?? '') ?? [];
  return token !== undefined && token.length <= MAX_TOKEN_LENGTH ? token : undefined;
}

/** Whether there are credentials beside a bearer token. Repeated headers arrive as one, joined by commas (RFC 9110, section 5.3). */
export const holdsSeveral = (authorization: string): boolean =>
  authorization.includes(',') && /(?:^|,)\s*Bearer\b/i.test(authorization);
