/**
 * The path of a request as Azure's front (Kestrel) understands it and as its forwarder (YARP) writes it again.
 * The two do not undo each other: an encoded slash is kept by the first and encoded once more by the second,
 * so `%2F` reaches a route parameter as `%2F` and `request.url` as `%252F`.
 */

/** Decodes each valid escape but that of a slash, and resolves dot segments. Routes are matched against this. */
export function decodePath(rawPath: string): string {
  const decoded = rawPath.replaceAll(/(?:%(?!2f)[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
  return decoded.includes('/.') ? removeDotSegments(decoded) : decoded;
}

/** Writes a decoded path for a URL: what a path may not hold is escaped, each `%` included. */
export function encodePath(path: string): string {
  return path.replaceAll(/[^\w\-.~!$&'()*+,;=:@/]/gu, encodeURIComponent);
}

function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  for (const segment of segments) {
    if (segment === '..') {
      if (kept.length > 1) kept.pop();
    } else if (segment !== '.') kept.push(segment);
  }
  const last = segments.at(-1);
  if (last === '.' || last === '..') kept.push('');
  return kept.join('/');
}
