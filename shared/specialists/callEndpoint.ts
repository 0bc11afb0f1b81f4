import type * as z from 'zod';
import { defaultResource, resourceIn } from '../identity/tokens/resources.ts';
import type { TaskHelpers } from '../orchestration/tasks/task.ts';
import { parseJson } from '../platform/base/json.ts';
import { fail, type Result, succeed } from '../platform/base/result.ts';
import type { App, Config } from '../platform/config/config.ts';
import { explain, type OutboundClient, type OutboundRequest } from '../platform/outbound/outboundClient.ts';
import { continueTrace, traceparentOf } from '../platform/telemetry/trace.ts';
import { withTimeout } from './withTimeout.ts';

const MAX_BYTES = 1024 * 1024;

/** The answer of an endpoint, with any status. */
export interface EndpointAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed JSON; undefined if the body is not JSON. */
  readonly body: unknown;
  readonly bytes: number;
  /** From the request to the last byte. */
  readonly durationMs: number;
}

/**
 * Calls an endpoint as a client would, with a token if there is one, and reads at most 1 MiB of the answer. Failures:
 * `invalid` for an address that may not be called, `timeout`, `unavailable`, `too_large`; none quotes the endpoint.
 */
export async function callEndpoint(
  outbound: OutboundClient,
  {
    token,
    headers = {},
    ...request
  }: Omit<OutboundRequest, 'headers'> & {
    readonly headers?: OutboundRequest['headers'];
    readonly token?: string | undefined;
  },
): Promise<Result<EndpointAnswer>> {
  const startedAt = performance.now();
  const sent = await outbound.request({
    ...request,
    headers: {
      accept: 'application/json',
      ...(request.body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
  });
  if (!sent.ok) return sent;
  const { statusCode: status, headers: received, body } = sent.value;
  try {
    const bytes = await body.bytes(MAX_BYTES);
    if (!bytes) return fail({ kind: 'too_large', message: `it answered with more than ${MAX_BYTES} bytes` });
    const durationMs = performance.now() - startedAt;
    return succeed({
      status,
      headers: received,
      body: parseJson(bytes.toString('utf8')),
      bytes: bytes.length,
      durationMs,
    });
  } catch (error) {
    return fail(explain(error, request.signal));
  }
}

export interface Fetched<T> {
  readonly value?: T;
  readonly durationMs?: number;
  /** Why there is no value. */
  readonly problem?: string;
}

/** Fetches a JSON document, such as one of the token issuer, and parses it. Never fails: `problem` says what went wrong. */
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
  if (!parsed.success) return { problem: 'its answer is not a document of this kind' };
  return { value: parsed.data, durationMs: Math.round(durationMs) };
}

/** Returns headers that put a call under the task's trace, so that logs and audit records of the call are found by it. */
export const tracedHeaders = (traceId: string): { readonly traceparent: string } => ({
  traceparent: traceparentOf({ ...continueTrace(undefined), traceId }),
});

const TOKEN_WITHIN_MS = 2_500;

/** Returns the token of the session, or undefined if the session keeps none or the state store does not answer. */
export async function sessionToken({
  token,
  signal,
}: Pick<TaskHelpers, 'token' | 'signal'>): Promise<string | undefined> {
  const kept = await withTimeout(TOKEN_WITHIN_MS, signal, () => token());
  return kept.ok ? kept.value : undefined;
}

/** Returns the token if the endpoint accepts such tokens: one of the gateway's own is for one endpoint only. */
export function tokenFor(
  resource: string,
  token: string | undefined,
  config: Pick<Config, 'publicOrigin' | 'managementOrigin'>,
): string | undefined {
  const only = token === undefined ? undefined : resourceIn(token, config);
  return only === undefined || only === resource ? token : undefined;
}

/** The resource of the requests to an app: of the mcp app, the endpoint of all servers. */
export const resourceOfApp = (app: App, config: Pick<Config, 'publicOrigin' | 'managementOrigin'>): string =>
  app === 'mcp' ? defaultResource(config) : config.managementOrigin;
