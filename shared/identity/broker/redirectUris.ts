import { readUrl } from '../../platform/base/readUrl.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import type { OAuthClient } from './client.ts';
import { oauthFailure } from './oauthError.ts';

const MAX_LENGTH = 2_000;

/** Schemes with which a browser runs or opens something instead of handing a code to an app. */
const forbiddenSchemes: ReadonlySet<string> = new Set(
  [
    'about',
    'blob',
    'chrome',
    'data',
    'file',
    'filesystem',
    'ftp',
    'intent',
    'javascript',
    'mailto',
    'sms',
    'tel',
  ]
    .concat(['urn', 'vbscript', 'view-source', 'ws', 'wss'])
    .map((scheme) => `${scheme}:`),
);

/** A redirect URI on the loopback interface, in three parts: host, port, and path with query. */
const loopbackUri = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:\d{1,5})?((?:[/?].*)?)$/;

/** Returns whether the answer stays on the machine of the browser (RFC 8252, section 7.3). */
export const isLoopback = (uri: string): boolean => loopbackUri.test(uri);

/** Returns a loopback URI without its port, which a native app chooses at each start; any other URI as it is. */
export const withoutLoopbackPort = (uri: string): string => uri.replace(loopbackUri, 'http://$1$3');

/**
 * Returns what is wrong with a redirect URI, or `undefined`. Only the settings and a client's own document can name a custom
 * scheme: for a client that registers itself, nobody vouches for the app that has the scheme.
 */
export function redirectUriProblem(uri: string, kind: OAuthClient['kind']): string | undefined {
  if (uri.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  // Browsers drop line breaks and tabs, so a URI with them leads elsewhere than its text says.
  if (!/^[\x21-\x7e]+$/.test(uri) || uri.includes('\\'))
    return 'must hold only the characters of a URI (RFC 3986)';
  const url = readUrl(uri);
  if (!url) return 'must be an absolute URI';
  if (uri.includes('#')) return 'must not have a fragment';
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password';
  // A browser reads `https:host/` on a page with https as a path of that page's own host.
  if (url.protocol === 'https:')
    return /^https:\/\/[^/]/.test(uri) ? undefined : 'must name its host after https://';
  if (url.protocol === 'http:')
    return isLoopback(uri) ? undefined : 'must use https, or http on 127.0.0.1, [::1] or localhost';
  if (forbiddenSchemes.has(url.protocol)) return 'has a scheme that no app receives an answer by';
  return kind === 'registered'
    ? 'must use https or loopback: a client with a custom scheme needs a client id metadata document, or an entry in the settings'
    : undefined;
}

/**
 * Returns the redirect URI that a client asks for, if it is one of the client's own. Texts are compared, character by character
 * (RFC 9700, section 4.1.3); only the port of a loopback URI may differ. Failure: `invalid_request`. A browser must not be sent to
 * a URI that failed.
 */
export function redirectUriOf(client: OAuthClient, asked: string | undefined): Result<string> {
  if (asked === undefined) return oauthFailure('invalid_request', 'redirect_uri is required');
  const problem = redirectUriProblem(asked, client.kind);
  if (problem !== undefined) return oauthFailure('invalid_request', `redirect_uri ${problem}`);
  const wanted = withoutLoopbackPort(asked);
  return client.redirectUris.some((own) => own === asked || withoutLoopbackPort(own) === wanted)
    ? succeed(asked)
    : oauthFailure('invalid_request', 'redirect_uri is not one of the redirect URIs of the client');
}
