import { fail, type Result, succeed } from '../../shared/platform/base/result.ts';

/** The hosts that an app serves, as URLs write them: `mcp.contoso.com`, `127.0.0.1:8001`. */
export type OwnHosts = ReadonlySet<string>;

/** Names of the loopback interface. */
const loopback: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Returns the hosts of an app: the host of its origin, and the site name of the platform, which proxies use. An origin on the
 * loopback interface stands for all names of that interface.
 */
export function ownHostsOf(origin: string, siteHost: string | undefined): OwnHosts {
  const { protocol, hostname, port } = new URL(origin);
  const names = loopback.includes(hostname) ? loopback : [hostname];
  // A client may name the default port. The scheme of the request is no help, since proxies end TLS.
  const ports = port === '' && protocol === 'https:' ? ['', ':443'] : [port === '' ? '' : `:${port}`];
  const hosts = names.flatMap((name) => ports.map((each) => name + each));
  return new Set(siteHost === undefined ? hosts : [...hosts, siteHost.toLowerCase()]);
}

/**
 * Returns the URL that a request was sent to. Failures: `bad_request` for a malformed `Host` (RFC 9112, section 3.2), and
 * `misdirected` for the host of another site (RFC 9110, section 7.4), which stops DNS rebinding.
 */
export function readTarget(url: string, ownHosts: OwnHosts | 'any'): Result<URL> {
  const target = URL.parse(url);
  if (target === null || target.username !== '' || target.password !== '') return malformed;
  return ownHosts === 'any' || ownHosts.has(target.host) ? succeed(target) : misdirected;
}

/** Returns `readTarget` for a route. Most requests repeat the last URL, so it is parsed once. A URL with a query is always parsed. */
export function createTargetReader(ownHosts: OwnHosts | 'any'): (url: string) => Result<URL> {
  let known = '';
  let target: Result<URL> = malformed;
  return (url) => {
    if (url.includes('?')) return readTarget(url, ownHosts);
    if (url !== known) [known, target] = [url, readTarget(url, ownHosts)];
    return target;
  };
}

const malformed = fail({
  kind: 'bad_request',
  message: 'the header Host must be a host name or address, with a port or without',
});
const misdirected = fail({
  kind: 'misdirected',
  message: 'this app does not serve the host of this request: use the origin that the app is configured with',
});
