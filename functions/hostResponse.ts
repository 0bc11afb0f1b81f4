import { HttpResponse, type HttpResponseInit } from '@azure/functions';
import { TextResponse } from '../shared/platform/textResponse.ts';

/**
 * A response for the Functions library to write, which would otherwise make another of it first, with a stream around its
 * stream. `nativeResponse` is what the library itself hands to its constructor; all that it reads of one are these three.
 */
export function hostResponse(response: Response): HttpResponse {
  const nativeResponse =
    response instanceof TextResponse
      ? {
          status: response.status,
          headers: response.headers,
          body: { values: () => [response.content] },
        }
      : response;
  return new HttpResponse({ nativeResponse } as HttpResponseInit);
}
