import { type Result, fail, succeed } from '../shared/platform/result.ts';

/** Hosts that an app answers for, as a URL has them: `mcp.contoso.com`, `127.0.0.1:8001`. */
export type OwnHosts = ReadonlySet<string>;

/** Names of the machine itself. */
const loopback: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * The hosts of an app: that of its origin, and the name that the platform gave the site, under which proxies reach it. The
 * other names of the machine itself count where the origin is one of them.
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
 * The URL that a request was sent to. Failures: `bad_request` for a `Host` that is none (RFC 9112, section 3.2), and
 * `misdirected` for one that is not the app's (RFC 9110, section 7.4), so that no page reaches the app by a name of its own.
 */
export function readTarget(url: string, ownHosts: OwnHosts | 'any'): Result<URL> {
  const target = URL.parse(url);
  if (target === null || target.username !== '' || target.password !== '') return malformed;
  return ownHosts === 'any' || ownHosts.has(target.host) ? succeed(target) : misdirected;
}

const malformed = fail({
  kind: 'bad_request',
  message: 'the header Host must be a host name or address, with a port or without',
});
const misdirected = fail({
  kind: 'misdirected',
  message: 'this app does not answer for the host of this request: use the origin that it is configured with',
});
