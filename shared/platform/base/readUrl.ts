/** Characters of the longest scheme, host name (253, RFC 1035, section 2.3.4), port and separators. */
const MAX_HEAD_LENGTH = 300;

/**
 * Returns the URL, resolved against `base`, or `undefined` where the text is not a URL. Every untrusted URL is read by this
 * function: the time of the platform's parser grows with the square of the host name's length, to 60 ms for 4,000 letters beyond
 * ASCII.
 */
export function readUrl(text: string, base?: string): URL | undefined {
  const [head = ''] = /^[^/\\?#]*[/\\]*[^/\\?#]*/.exec(text) ?? [];
  return head.length > MAX_HEAD_LENGTH ? undefined : (URL.parse(text, base) ?? undefined);
}
