import ipaddr from 'ipaddr.js';
import { readUrl } from '../base/readUrl.ts';
import { fail, type Result, succeed } from '../base/result.ts';

/** Whether upstream servers may have loopback and private addresses, which only development allows. */
export type AddressPolicy = 'public' | 'private_allowed';

/** Ranges that ipaddr.js calls unicast although no server is in them: Azure's WireServer, and IPv6 addresses that embed IPv4. */
const neverReached = ['168.63.129.16/32', '::/8'].map((range) => ipaddr.parseCIDR(range));
const privateRanges = new Set(['loopback', 'private', 'uniqueLocal']);

/** Returns whether a connection to this address is allowed. An IPv4-mapped IPv6 address counts as its IPv4 address. */
export function isAllowedAddress(text: string, policy: AddressPolicy): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  const range = address.range();
  if (privateRanges.has(range)) return policy === 'private_allowed';
  return (
    range === 'unicast' &&
    !neverReached.some(([network, bits]) => address.kind() === network.kind() && address.match(network, bits))
  );
}

/**
 * Returns the block of addresses that one caller has, for limits: an IPv4 address, or the /64 of an IPv6 address. The address may
 * have a port. Every other text is `unknown`.
 */
export function addressBlockOf(text: string): string {
  const [, bracketed, withPort] = /^\[(.+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(text) ?? [];
  const literal = bracketed ?? withPort ?? text;
  if (!ipaddr.isValid(literal)) return 'unknown';
  const address = ipaddr.process(literal);
  return address instanceof ipaddr.IPv6
    ? `${address.parts
        .slice(0, 4)
        .map((part) => part.toString(16))
        .join(':')}::/64`
    : address.toString();
}

/**
 * Checks an outbound URL by its text alone: scheme, user information, fragment and a literal address. `isAllowedAddress` checks the
 * addresses of a name when the connection is made. The URL parser first normalises hexadecimal, octal and full-width spellings.
 */
export function checkOutboundUrl(text: string, policy: AddressPolicy): Result<URL> {
  const reject = (message: string) => fail({ kind: 'invalid', message, errors: [{ path: 'url', message }] });
  const url = readUrl(text);
  if (!url) return reject('is not an absolute URL');
  const schemes = policy === 'public' ? ['https:'] : ['https:', 'http:'];
  if (!schemes.includes(url.protocol))
    return reject(`must use ${policy === 'public' ? 'https' : 'https or http'}`);
  if (url.username !== '' || url.password !== '') return reject('must not hold a user name or password');
  if (url.href.includes('#')) return reject('must not have a fragment');
  if (policy === 'public' && url.port !== '') return reject('must use port 443');
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/(?<!\.)\.+$/, '');
  const literal = ipaddr.isValid(host);
  if (
    literal ? !isAllowedAddress(host, policy) : policy === 'public' && /^localhost$|\.localhost$/i.test(host)
  ) {
    return reject('must not point to a private, loopback, link-local or otherwise reserved address');
  }
  return succeed(url);
}
