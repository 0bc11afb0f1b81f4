/** Room for a scheme, a host name of 253 characters (RFC 1035, section 2.3.4), a port and their separators. */
const MAX_HEAD_LENGTH = 300;

/**
 * Returns the URL, resolved against `base`, or `undefined` where the text is not a URL. URLs of strangers are read with this
 * function only: the time of the parser grows with the square of the host name's length, to 60 ms for 4,000 letters that are not
 * ASCII.
 */
export function readUrl(text: string, base?: string): URL | undefined {
  const [head = ''] = /^[^/\\?#]*[/\\]*[^/\\?#]*/.exec(text) ?? [];
  return head.length > MAX_HEAD_LENGTH ? undefined : (URL.parse(text, base) ?? undefined);
}
