import type { IncomingMessage } from 'node:http';

/** Kestrel's limits: bytes of the request line with its line end, bytes of all header lines, number of headers. */
const MAX_REQUEST_LINE_BYTES = 8 * 1024;
const MAX_HEADER_BYTES = 32 * 1024;
const MAX_HEADERS = 100;

/** Node's limit is higher, so that this host decides what is too long, and not Node. */
export const READABLE_HEAD_BYTES = 128 * 1024;

/**
 * Returns the status with which Azure's front (Kestrel) rejects a request, or `undefined`. After a rejection the connection is
 * closed. Node's parser is lenient here, because Kestrel accepts control characters in header values.
 */
export function refusedByFront(
  request: IncomingMessage,
  host: string | undefined,
): 400 | 414 | 431 | 505 | undefined {
  const { rawHeaders, method = '', url = '', httpVersion } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 505;
  if (method.length + url.length + ' HTTP/1.1\r\n '.length > MAX_REQUEST_LINE_BYTES) return 414;
  if (rawHeaders.length > 2 * MAX_HEADERS) return 431;
  let bytes = 0;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = [rawHeaders[at], rawHeaders[at + 1]];
    bytes += name.length + value.length + ': \r\n'.length;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
    if (!isReadable(value)) return 400;
  }
  if (bytes > MAX_HEADER_BYTES) return 431;
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) return 400;
  if (host !== undefined && !HOST.test(host)) return 400;
  if (url.startsWith('/')) return undefined;
  const authority = authorityOf(url);
  return authority !== undefined && authority !== host?.toLowerCase() ? 400 : undefined;
}

/** The authority of a target in absolute form. It must equal `Host`. */
const authorityOf = (target: string): string | undefined =>
  /^https?:\/\/([^/?#]*)/i.exec(target)?.[1]?.toLowerCase();

/** No NUL, and UTF-8. */
function isReadable(value: string): boolean {
  if (!/[\0\x80-\xff]/.test(value)) return true;
  if (value.includes('\0')) return false;
  try {
    utf8.decode(Buffer.from(value, 'latin1'));
    return true;
  } catch {
    return false;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A name or an address with an optional port, or nothing. Kestrel checks the characters only. */
const HOST = /^(?:(?:\[[0-9a-f:.]+\]|[\w\-.!$%&'()~]+)(?::\d*)?)?$/i;
