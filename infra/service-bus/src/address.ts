/** What a link's address points at. */
export type Address =
  | { readonly kind: 'cbs' }
  | { readonly kind: 'queue'; readonly queue: string; readonly deadLetters: boolean }
  | { readonly kind: 'management'; readonly queue: string; readonly deadLetters: boolean }
  | { readonly kind: 'unsupported'; readonly feature: string };

/** Reads both spellings: `orders/$DeadLetterQueue` of the JavaScript client, `/orders/%24DeadLetterQueue` of .NET. */
export function parseAddress(raw: string): Address {
  const path = decode(raw).replace(/^\/+/, '').toLowerCase();
  if (path === '$cbs') return { kind: 'cbs' };
  if (path.includes('/subscriptions/')) return { kind: 'unsupported', feature: 'topics and subscriptions' };
  if (path.includes('/$transfer/')) return { kind: 'unsupported', feature: 'transfer dead-letter queues' };
  const entity = path.replace(/\/\$management$/, '');
  const queue = entity.replace(/\/\$deadletterqueue$/, '');
  return { kind: entity === path ? 'queue' : 'management', queue, deadLetters: queue !== entity };
}

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw; // A lone percent sign: then the address is not encoded.
  }
}
