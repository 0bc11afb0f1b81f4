import { Aborted, type Flow, type OutboundBody, ReceivedBody } from './outboundBody.ts';

export interface OutboundResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** To be taken by whoever gets it: the connection is held until then. */
  readonly body: OutboundBody;
}

/**
 * What undici's `dispatch` tells of one request on its way (its class `Dispatcher`, DispatchHandler). `Agent.request` stands on the
 * same, but makes a stream of each answer and keeps it long after.
 */
export class Exchange {
  readonly #answered = Promise.withResolvers<OutboundResponse>();
  readonly #signal: AbortSignal | undefined;
  #controller: Flow | undefined;
  #body: ReceivedBody | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort);
    if (signal?.aborted) this.#abort();
  }

  get response(): Promise<OutboundResponse> {
    return this.#answered.promise;
  }

  readonly #abort = (): void => {
    const aborted = new Aborted();
    // It may wait for a connection still.
    if (this.#controller === undefined) this.#answered.reject(aborted);
    else this.#controller.abort(aborted);
  };

  onRequestStart(controller: Flow): void {
    this.#controller = controller;
    if (this.#signal?.aborted) this.#abort();
  }

  onResponseStart(controller: Flow, statusCode: number, headers: OutboundResponse['headers']): void {
    // Before the answer, a server may say that it has heard.
    if (statusCode < 200) return;
    this.#body = new ReceivedBody(controller);
    this.#answered.resolve({ statusCode, headers, body: this.#body });
  }

  onResponseData(_controller: Flow, chunk: Buffer): void {
    this.#body?.data(chunk);
  }

  onResponseEnd(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#body?.end();
  }

  onResponseError(_controller: Flow, error: Error): void {
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#answered.reject(error);
    this.#body?.fail(error);
  }
}
