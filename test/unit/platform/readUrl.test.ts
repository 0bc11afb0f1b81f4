import { expect, test } from 'vitest';
import { readUrl } from '../../../shared/platform/base/readUrl.ts';

const scripts = (count: number) =>
  Array.from({ length: count }, (_, n) => String.fromCodePoint(0x4e00 + ((n * 7919) % 20_000))).join('');

test.each<[string, string | undefined, string | undefined]>([
  ['https://mcp.example.com/a?b#c', undefined, 'https://mcp.example.com/a?b#c'],
  ['https:\\\\mcp.example.com', undefined, 'https://mcp.example.com/'],
  ['https://münchen.example', undefined, 'https://xn--mnchen-3ya.example/'],
  [`https://a.example/${'x'.repeat(5_000)}`, undefined, `https://a.example/${'x'.repeat(5_000)}`],
  ['/messages?id=1', 'https://a.example/sse', 'https://a.example/messages?id=1'],
  ['mcp.example.com', undefined, undefined],
  ['', undefined, undefined],
])('%s with the base %s is %s', (text, base, href) => {
  expect(readUrl(text, base)?.href).toBe(href);
});

test.each([
  ['as it stands', `https://${scripts(3_000)}.com`],
  ['behind a tab', `https:\t//${scripts(3_000)}.com`],
  ['behind many slashes', `https://////${scripts(3_000)}.com`],
  ['behind none', `https:${scripts(3_000)}.com`],
  ['in percent signs', `https://${encodeURIComponent(scripts(3_000))}.com`],
  ['behind a name', `https://user@${scripts(3_000)}.com`],
])('a host name longer than any is not parsed %s', (_, text) => {
  expect(readUrl(text)).toBeUndefined();
  expect(readUrl(text.slice('https:'.length), 'https://a.example')).toBeUndefined();
});
