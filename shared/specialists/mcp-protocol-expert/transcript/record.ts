import { statusFault } from '../../../gateway/upstream/fault.ts';
import type { DomainError } from '../../../platform/base/errors.ts';
import { fail, type Result, succeed } from '../../../platform/base/result.ts';
import type { OutboundClient } from '../../../platform/outbound/outboundClient.ts';
import type { Era } from '../../../registry/records/era.ts';
import type { Exchanged } from './exchange.ts';
import { legacyEra } from './legacyEra.ts';
import { modernEra } from './modernEra.ts';
import { createRecorder, type EraRecorder, type Recorder } from './recorder.ts';
import type { Scope, Transcript } from './transcript.ts';

const eras: Readonly<Record<Era, EraRecorder>> = { legacy: legacyEra, modern: modernEra };

export interface Recording {
  readonly url: string;
  /** The era that the server was registered with. */
  readonly era: Era;
  readonly scope: Scope;
  /** Sent as the `traceparent` of every request, so that the server's own logs show which requests were these. */
  readonly traceId: string;
  readonly signal: AbortSignal;
}

/**
 * Records the exchanges that the scope names. The era is the one that the server answers to; where it answers to neither, the
 * one that it was registered with. Fails where the server gave no answer at all or requires credentials: then there is nothing
 * to check.
 */
export async function recordTranscript(
  { url, era, scope, traceId, signal }: Recording,
  outbound: OutboundClient,
): Promise<Result<Transcript>> {
  const opened: { recorder: Recorder; opening: Exchanged }[] = [];
  const registeredFirst = [era, ...(['legacy', 'modern'] as const).filter((other) => other !== era)];
  for (const tried of registeredFirst) {
    const recorder = createRecorder(outbound, { url, traceId, signal });
    const opening = await eras[tried].open(recorder);
    if (!opening) return fail({ kind: 'timeout', message: 'there was no time left to call it' });
    const closed = whyClosed(opening);
    // Its answer to the first request of the other era says nothing about its own era.
    if (closed && tried === era) return fail(closed);
    if (eras[tried].isOpen(opening)) return succeed(await eras[tried].record(recorder, opening, scope));
    opened.push({ recorder, opening });
  }
  const [own] = opened;
  if (!own) throw new Error('a server was opened in no era');
  return succeed(await eras[era].record(own.recorder, own.opening, scope));
}

function whyClosed({ answer, failure }: Exchanged): DomainError | undefined {
  if (failure) return { kind: failure.kind, message: failure.words };
  const fault = answer && statusFault(answer.status);
  const says = answer?.status === 401 || answer?.status === 403 || (answer?.status ?? 0) >= 500;
  return fault && says ? { kind: 'unavailable', message: `it ${fault.message}` } : undefined;
}
