import { Readable } from 'node:stream';
import { fail, type Result, succeed } from '../../shared/platform/base/result.ts';
import type { OutboundResponse } from '../../shared/platform/outbound/exchange.ts';
import type { OutboundClient, OutboundRequest } from '../../shared/platform/outbound/outboundClient.ts';
import { outboundBody } from './outboundBody.ts';

/** What the stub answers: a response, or no answer at all. */
export type StubAnswer =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | 'away';

export interface OutboundStub extends OutboundClient {
  readonly requests: OutboundRequest[];
}

/** An outbound client that answers from memory and counts its requests. JSON is the content type unless a header says otherwise. */
export function outboundStub(answer: (url: string) => StubAnswer): OutboundStub {
  const requests: OutboundRequest[] = [];
  return {
    requests,
    request(request) {
      requests.push(request);
      const given = answer(request.url);
      return Promise.resolve<Result<OutboundResponse>>(
        given === 'away'
          ? fail({ kind: 'unavailable', message: 'connection refused' })
          : succeed({
              statusCode: given.status ?? 200,
              headers: { 'content-type': 'application/json', ...given.headers },
              body: outboundBody(Readable.from([Buffer.from(given.body ?? '')])),
            }),
      );
    },
    close: () => Promise.resolve(),
  };
}
