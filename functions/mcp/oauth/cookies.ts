import type { Cookie } from '../../../shared/identity/sessions/browserStates.ts';

/**
 * The cookies of the sign-in's pages. Browsers accept a name with `__Host-` from this host only, over https, and send it to no other
 * host (RFC 6265bis, section 4.1.3.2). Locally there is no https, so the names have no prefix there.
 */
export interface Cookies {
  read(headers: Headers, name: string): string | undefined;
  /** Returns the value of `Set-Cookie`. An answer has one at most, since the Functions library keeps one of several. */
  write(cookie: Cookie): string;
}

export function cookiesOf(publicOrigin: string): Cookies {
  const isSecure = publicOrigin.startsWith('https:');
  const nameOf = (name: string): string => (isSecure ? `__Host-${name}` : name);
  return {
    read(headers, name) {
      const wanted = `${nameOf(name)}=`;
      const pairs = (headers.get('cookie') ?? '').split(';').map((pair) => pair.trim());
      return pairs.find((pair) => pair.startsWith(wanted))?.slice(wanted.length);
    },
    write: ({ name, value, maxAgeMs }) =>
      [
        `${nameOf(name)}=${value}`,
        'Path=/',
        `Max-Age=${Math.floor(maxAgeMs / 1_000)}`,
        'HttpOnly',
        'SameSite=Lax',
        ...(isSecure ? ['Secure'] : []),
      ].join('; '),
  };
}
