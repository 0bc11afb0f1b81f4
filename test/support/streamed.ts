import { StreamResponse } from '../../shared/platform/http/streamResponse.ts';

/** What is written of a response, as it comes. `return` is what a client that leaves comes to. */
export function chunksOf(response: Response): Required<AsyncIterator<Uint8Array>> {
  if (!(response instanceof StreamResponse))
    throw new TypeError('not a response that is made as it is written');
  return response.chunks[Symbol.asyncIterator]() as Required<AsyncIterator<Uint8Array>>;
}
