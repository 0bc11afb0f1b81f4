import { Aborted, type ExchangeControl, type OutboundBody, ReceivedBody } from './outboundBody.ts';

export interface OutboundResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The receiver must read or leave it: it holds the connection until then. */
  readonly body: OutboundBody;
}

/** Returns a header; the first where the response repeats it. */
export function headerOf({ headers }: Pick<OutboundResponse, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * Handles the events of one request that undici's `dispatch` reports (`Dispatcher.DispatchHandler`). `Agent.request` is built on
 * the same events, but makes a stream for each response and keeps it in memory for long.
 */
export class Exchange {
  readonly #signal: AbortSignal | undefined;
  readonly #answer: (response: OutboundResponse) => void;
  readonly #fail: (error: Error) => void;
  #controller: ExchangeControl | undefined;
  #body: ReceivedBody | undefined;

  /** `answer` gets the response, or `fail` an error before it. */
  constructor(
    signal: AbortSignal | undefined,
    answer: (response: OutboundResponse) => void,
    fail: (error: Error) => void,
  ) {
    this.#signal = signal;
    this.#answer = answer;
    this.#fail = fail;
    signal?.addEventListener('abort', this.#abort);
    if (signal?.aborted) this.#abort();
  }

  readonly #abort = (): void => {
    const aborted = new Aborted();
    // Without a controller, the request still waits for a connection.
    if (this.#controller === undefined) this.#fail(aborted);
    else this.#controller.abort(aborted);
  };

  onRequestStart(controller: ExchangeControl): void {
    this.#controller = controller;
    if (this.#signal?.aborted) this.#abort();
  }

  onResponseStart(
    controller: ExchangeControl,
    statusCode: number,
    headers: OutboundResponse['headers'],
  ): void {
    // Informational responses come before the response itself (RFC 9110, section 15.2).
    if (statusCode < 200) return;
    this.#body = new ReceivedBody(controller);
    this.#answer({ statusCode, headers, body: this.#body });
  }

  onResponseData(_controller: ExchangeControl, chunk: Buffer): void {
    this.#body?.data(chunk);
  }

  onResponseEnd(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#body?.end();
  }

  onResponseError(_controller: ExchangeControl, error: Error): void {
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#fail(error);
    this.#body?.fail(error);
  }
}
