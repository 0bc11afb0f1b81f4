/** The forms of a response that a client accepts: JSON, an event stream, or either. */
export type AcceptedForm = 'any' | 'json' | 'events';

const JSON_RANGES: ReadonlySet<string> = new Set(['application/json', 'application/*', '*/*']);
const EVENT_RANGES: ReadonlySet<string> = new Set(['text/event-stream', 'text/*', '*/*']);

/**
 * Reads the header `Accept` (RFC 9110, section 12.5.1). Clients must list both types (2025-11-25 and 2026-07-28, transports), but
 * many list one, or none. A client that lists one gets that one. Every other client gets the form of the server's answer.
 */
export function acceptedForm(accept: string | null): AcceptedForm {
  if (accept === null || accept === BOTH) return 'any';
  const ranges = accept
    .toLowerCase()
    .split(',')
    .filter((range) => !/;\s*q=0(\.0*)?\s*(;|$)/.test(range))
    .map((range) => range.split(';', 1)[0]?.trim() ?? '');
  const takesJson = ranges.some((range) => JSON_RANGES.has(range));
  const takesEvents = ranges.some((range) => EVENT_RANGES.has(range));
  if (takesJson === takesEvents) return 'any';
  return takesJson ? 'json' : 'events';
}

/** What the official SDKs send. */
const BOTH = 'application/json, text/event-stream';
