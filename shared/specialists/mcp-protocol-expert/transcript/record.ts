import { MODERN_VERSIONS } from '../../../gateway/protocol/versions.ts';
import { statusFault } from '../../../gateway/upstream/fault.ts';
import type { DomainError } from '../../../platform/base/errors.ts';
import type { OutboundClient } from '../../../platform/outbound/outboundClient.ts';
import { type Result, fail, succeed } from '../../../platform/base/result.ts';
import type { Era } from '../../../registry/records/era.ts';
import type { Exchanged } from './exchange.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { openLegacy, recordLegacy } from './legacyEra.ts';
import { openModern, recordModern } from './modernEra.ts';
import { resultIn, type Scope, type Transcript } from './transcript.ts';

interface EraRecorder {
  open(recorder: Recorder): Promise<Exchanged | undefined>;
  isOpen(opening: Exchanged): boolean;
  record(recorder: Recorder, opening: Exchanged, scope: Scope): Promise<Transcript>;
}

const eras: Record<Era, EraRecorder> = {
  legacy: {
    open: openLegacy,
    isOpen: (opening) => resultIn(opening) !== undefined,
    record: recordLegacy,
  },
  modern: {
    open: openModern,
    isOpen: (opening) => {
      const versions = resultIn(opening)?.['supportedVersions'];
      return Array.isArray(versions) && versions.some((version) => MODERN_VERSIONS.includes(String(version)));
    },
    record: recordModern,
  },
};

export interface Recording {
  readonly url: string;
  /** The era that the server was registered with. */
  readonly era: Era;
  readonly scope: Scope;
  /** Goes with every request as its `traceparent`, so that it can be found again in the server's own logs. */
  readonly traceId: string;
  readonly signal: AbortSignal;
}

/**
 * Exchanges with a server what the scope wants of its era. The era is the one that it answers to; where it
 * answers to neither, the one that it was registered with. A failure is a server that gave no answer at all, or wants
 * credentials: there is nothing to judge then.
 */
export async function recordTranscript(
  { url, era, scope, traceId, signal }: Recording,
  outbound: OutboundClient,
): Promise<Result<Transcript>> {
  const opened: { recorder: Recorder; opening: Exchanged }[] = [];
  for (const tried of [era, era === 'modern' ? 'legacy' : 'modern'] as const) {
    const recorder = createRecorder(outbound, { url, traceId, signal });
    const opening = await eras[tried].open(recorder);
    if (!opening) return fail({ kind: 'timeout', message: 'there was no time left to ask it' });
    const closed = whyClosed(opening);
    // What it makes of the other era's first request says nothing of its own.
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
