/**
 * The path of a request as Azure's front (Kestrel) decodes it and as its forwarder (YARP) encodes it. The two are not
 * inverse: the first keeps an encoded slash and the second encodes it again, so `%2F` reaches a route parameter as `%2F` and
 * `request.url` as `%252F`.
 */

/** Decodes each valid escape except that of a slash, and resolves dot segments. Routes match the result. */
export function decodePath(rawPath: string): string {
  const decoded = !rawPath.includes('%')
    ? rawPath
    : rawPath.replaceAll(/(?:%(?!2f)[0-9a-f]{2})+/gi, (escapes) => {
        try {
          return decodeURIComponent(escapes);
        } catch {
          return escapes;
        }
      });
  return decoded.includes('/.') ? removeDotSegments(decoded) : decoded;
}

/** Encodes a decoded path for a URL. Escapes all characters that a path cannot hold, and each `%`. */
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
