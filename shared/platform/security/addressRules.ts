import ipaddr from 'ipaddr.js';
import { readUrl } from '../base/readUrl.ts';
import { type Result, fail, succeed } from '../base/result.ts';

/** Whether upstream servers may be on the developer's own machine and network. */
export type AddressPolicy = 'public' | 'private_allowed';

/** Ranges that ipaddr.js counts as ordinary but that no server is in: Azure's WireServer, and what IPv6 reserves for embedded IPv4. */
const neverReached = ['168.63.129.16/32', '::/8'].map((range) => ipaddr.parseCIDR(range));
const privateRanges = new Set(['loopback', 'private', 'uniqueLocal']);

/** Whether a connection to this address is allowed; an IPv4-mapped IPv6 address counts as its IPv4 address. */
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
 * Judges an outbound URL by its text alone: scheme, user information, fragment and a literal address. What a name
 * resolves to is judged when the connection is made. The URL parser has by then undone hexadecimal, octal and full-width spellings.
 */
export function checkOutboundUrl(text: string, policy: AddressPolicy): Result<URL> {
  const refuse = (message: string) => fail({ kind: 'invalid', message, errors: [{ path: 'url', message }] });
  const url = readUrl(text);
  if (!url) return refuse('is not an absolute URL');
  const schemes = policy === 'public' ? ['https:'] : ['https:', 'http:'];
  if (!schemes.includes(url.protocol))
    return refuse(`must use ${policy === 'public' ? 'https' : 'https or http'}`);
  if (url.username !== '' || url.password !== '') return refuse('must not hold a user name or password');
  if (url.href.includes('#')) return refuse('must not have a fragment');
  if (policy === 'public' && url.port !== '') return refuse('must use port 443');
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/(?<!\.)\.+$/, '');
  const literal = ipaddr.isValid(host);
  if (
    literal ? !isAllowedAddress(host, policy) : policy === 'public' && /^localhost$|\.localhost$/i.test(host)
  ) {
    return refuse('must not point to a private, loopback, link-local or otherwise reserved address');
  }
  return succeed(url);
}
