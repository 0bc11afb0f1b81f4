import { HttpResponse, type HttpResponseInit } from '@azure/functions';
import { StreamResponse } from '../../shared/platform/http/streamResponse.ts';
import { TextResponse } from '../../shared/platform/http/textResponse.ts';

/**
 * A response for the Functions library to write, which would otherwise make another of it first, with a stream around its
 * stream. `nativeResponse` is what the library itself hands to its constructor; all that it reads of one are these three.
 */
export function hostResponse(response: Response): HttpResponse {
  const { status, headers } = response;
  const chunks = chunksOf(response);
  const nativeResponse = chunks ? { status, headers, body: { values: () => chunks } } : response;
  return new HttpResponse({ nativeResponse } as HttpResponseInit);
}

function chunksOf(response: Response): Iterable<string> | AsyncIterable<Uint8Array> | undefined {
  if (response instanceof TextResponse) return [response.content];
  return response instanceof StreamResponse ? response.chunks : undefined;
}
