/**
 * Headers of every answer about a URL that holds a secret: no cache keeps it, no browser guesses its type, and no page that
 * it leads to learns the URL (RFC 9111, section 5.2.2.5; Fetch standard, `X-Content-Type-Options`; Referrer Policy).
 */
export const secretUrlHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;
