import { expect, test } from 'vitest';
import { continueTrace, traceparentOf } from '../../../shared/platform/telemetry/trace.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

test.each([
  [`00-${traceId}-${spanId}-01`, 'the form of version 00'],
  [`00-${traceId}-${spanId}-00`, 'not sampled'],
  [`00-${traceId}-${spanId}-ff`, 'flags that are not defined yet'],
  [`cc-${traceId}-${spanId}-01`, 'a later version'],
  [`cc-${traceId}-${spanId}-01-what-the-future-will-be-like`, 'a later version may go on'],
])('%s is continued: %s', (header) => {
  expect(continueTrace(header).traceId).toBe(traceId);
});

test.each<[header: string | null | undefined, why: string]>([
  [null, 'absent'],
  [undefined, 'absent'],
  ['', 'empty'],
  [`00-${traceId}-${spanId}-01-more`, 'version 00 ends after the flags'],
  [`00-${traceId}-${spanId}-01.`, 'version 00 ends after the flags'],
  [`cc-${traceId}-${spanId}-01.what`, 'a later version goes on after a hyphen only'],
  [`ff-${traceId}-${spanId}-01`, 'version ff is forbidden'],
  [`00-${'0'.repeat(32)}-${spanId}-01`, 'a trace id of zeros is invalid'],
  [`00-${traceId}-${'0'.repeat(16)}-01`, 'a parent id of zeros is invalid'],
  [`00-${traceId.toUpperCase()}-${spanId}-01`, 'capital letters are invalid'],
  [`00-${traceId.slice(1)}-${spanId}-01`, 'too short'],
  [`00-${traceId}0-${spanId}-01`, 'too long'],
  [`00-${traceId}-${spanId}`, 'no flags'],
  [`00-${traceId}-${spanId}-1`, 'half the flags'],
  [` 00-${traceId}-${spanId}-01`, 'a space ahead'],
  [`00_${traceId}_${spanId}_01`, 'no hyphens'],
  [`00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`, 'two headers joined'],
])('%s starts a new trace: %s', (header) => {
  const trace = continueTrace(header);
  expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(trace.traceId).not.toBe(traceId);
});

test('every part of a trace has a span of its own', () => {
  const header = `00-${traceId}-${spanId}-01`;
  const [one, other] = [continueTrace(header), continueTrace(header)];
  expect(new Set([one.spanId, other.spanId, spanId]).size).toBe(3);
});

test('a trace that is handed on is continued by whoever gets it', () => {
  const trace = continueTrace(null);
  expect(traceparentOf(trace)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(continueTrace(traceparentOf(trace)).traceId).toBe(trace.traceId);
});
