import type { Readable } from 'node:stream';
import { type OutboundBody, ReceivedBody } from '../../shared/platform/outbound/outboundBody.ts';

/** The body of an answer that the test writes, or has written. */
export function outboundBody(source: Readable): OutboundBody {
  const body = new ReceivedBody({
    abort: (reason) => source.destroy(reason),
    pause: () => source.pause(),
    resume: () => source.resume(),
  });
  source
    .on('data', (chunk: Buffer) => {
      body.data(chunk);
    })
    .on('end', () => {
      body.end();
    })
    .on('error', (error) => {
      body.fail(error);
    });
  return body;
}
