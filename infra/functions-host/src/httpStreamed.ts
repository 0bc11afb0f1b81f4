import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { httpTriggerMetadata } from './bindingData.ts';
import { headersOf, type HttpCall } from './httpCall.ts';
import { FunctionTimeout, type Invoker, WorkerReplaced } from './invocation.ts';
import { type ForwardedRequest, INVOCATION_ID_HEADER, type StreamServing } from './libraryServer.ts';
import { stackOf } from './log.ts';
import { limitedBody, readAnnouncedBody } from './requestBody.ts';

/**
 * Runs a function of an app with HTTP streaming: the library gets the request itself and writes the answer chunk by chunk.
 * Returns `undefined` after the answer, or the problem. (In Azure the client would then wait for minutes.) After a problem
 * the caller must end the response.
 */
export async function answerStreamed(
  call: HttpCall,
  invoker: Invoker,
  streaming: StreamServing,
): Promise<string | undefined> {
  const body = await readAnnouncedBody(call);
  const invocationId = randomUUID();
  const request = forwarded(call, invocationId, body);
  const forwarding = streaming.forward(request, call.response);
  const failure = await failureOf(
    invoker.invoke(call.target, {
      invocationId,
      // The library takes the request from its own server.
      data: { http: {} },
      metadata: httpTriggerMetadata({ ...call, body }),
      traceParent: call.traceParent,
    }),
  );
  if (await forwarding.answered()) return undefined;
  forwarding.abandon();
  return unanswered(failure, call.response.headersSent);
}

/** Returns the request as the host's forwarder (YARP) writes it. It keeps an invocation id that the client has sent. */
function forwarded(call: HttpCall, invocationId: string, body: Buffer | undefined): ForwardedRequest {
  const { request, method, url } = call;
  const { rawHeaders } = request;
  const isEachOnce = Object.keys(call.headers).length * 2 === rawHeaders.length;
  const sent = isEachOnce ? call.headers : headersOf(request, ', ');
  const headers: Record<string, string> = {
    [INVOCATION_ID_HEADER]: invocationId,
  };
  for (const name in sent) {
    if (!NOT_FORWARDED.has(name)) headers[name] = sent[name] ?? '';
  }
  headers['host'] = 'localhost';
  headers['x-forwarded-for'] = request.socket.remoteAddress ?? '';
  headers['x-forwarded-host'] = call.headers['host'] ?? '';
  headers['x-forwarded-proto'] = 'http';
  if (headers['expect']?.toLowerCase() === '100-continue') Reflect.deleteProperty(headers, 'expect');
  const isChunked = headers['transfer-encoding'] !== undefined;
  return { method, url, headers, body: isChunked ? limitedBody(request) : wholeBody(body) };
}

/** Hop-by-hop headers. `transfer-encoding` is one too, but it is the same on the next connection. */
const NOT_FORWARDED = new Set([
  'connection',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'upgrade',
]);

/** A stream of `Readable.from` would be garbage-collected much later than the request. */
function wholeBody(body: Buffer | undefined): Readable {
  const readable = new Readable({ read: () => undefined });
  if (body) readable.push(body);
  readable.push(null);
  return readable;
}

async function failureOf(run: Promise<unknown>): Promise<{ readonly error: unknown } | undefined> {
  try {
    await run;
    return undefined;
  } catch (error) {
    return { error };
  }
}

function unanswered(failure: { readonly error: unknown } | undefined, headSent: boolean): string {
  const remedy = headSent ? 'The connection is cut here.' : 'It is answered with a 500 here.';
  const azure = `With HTTP streaming on, Azure would leave the client waiting for minutes. ${remedy}`;
  if (!failure) return `returned no response. ${azure}`;
  if (failure.error instanceof FunctionTimeout) {
    return `${failure.error.message}. Azure would replace the process and fail every call in it. ${remedy}`;
  }
  if (failure.error instanceof WorkerReplaced) return `${failure.error.message}. ${remedy}`;
  return `threw${headSent ? ' in the middle of its answer' : ''}. ${azure}\n${stackOf(failure.error)}`;
}
