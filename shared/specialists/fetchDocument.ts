import type { z } from 'zod';
import type { OutboundClient } from '../platform/outbound/outboundClient.ts';
import { callEndpoint } from './callEndpoint.ts';

export interface Fetched<T> {
  readonly value?: T;
  readonly durationMs?: number;
  /** Why there is no value. */
  readonly problem?: string;
}

/** Reads a JSON document of the shape that it must have, as of the token issuer. Never fails: what went wrong is told. */
export async function fetchDocument<T>(
  url: string,
  schema: z.ZodType<T>,
  outbound: OutboundClient,
  signal: AbortSignal,
): Promise<Fetched<T>> {
  const called = await callEndpoint(outbound, { method: 'GET', url, signal });
  if (!called.ok) return { problem: called.error.message };
  const { status, body, durationMs } = called.value;
  if (status !== 200) return { problem: `it answered with the status ${status}` };
  const parsed = schema.safeParse(body);
  if (!parsed.success) return { problem: 'it answered with something else than such a document' };
  return { value: parsed.data, durationMs: Math.round(durationMs) };
}
