import type { HttpClient, PipelineRequest } from '@azure/core-rest-pipeline';
import { Agent, type Dispatcher } from 'undici';
import { lazily } from '../base/lazily.ts';

/** The package is loaded with the first request, like the rest of the SDK. */
export const restPipeline = lazily(() => import('@azure/core-rest-pipeline'));

const CONNECT_TIMEOUT_MS = 10_000;
/** Four times what the service sends at most. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** A connection is kept for a minute without requests: each new one costs a TLS handshake. Undici keeps it for four seconds. */
const KEEP_ALIVE_MS = 60_000;

/** All tables share its connections. Each request has a time limit of its own. */
const agent = new Agent({
  connect: { timeout: CONNECT_TIMEOUT_MS },
  keepAliveTimeout: KEEP_ALIVE_MS,
  headersTimeout: 0,
  bodyTimeout: 0,
});

/**
 * Sends the requests of the SDK, once its pipeline has signed them. The SDK's own client takes twice the CPU (decision 39). The
 * codes of its errors are those that the SDK retries.
 */
export const tableHttp: HttpClient = {
  async sendRequest(request) {
    const { createHttpHeaders, RestError } = await restPipeline();
    const { origin, pathname, search, protocol } = new URL(request.url);
    if (protocol !== 'https:' && request.allowInsecureConnection !== true)
      throw new Error('a connection to tables without https is not allowed');
    const { method, body } = request;
    if (body !== undefined && typeof body !== 'string')
      throw new Error('the body of a request to tables is text');
    const exchange = new Exchange(request);
    // The service compresses nothing.
    const headers = { ...request.headers.toJSON(), 'accept-encoding': 'identity' };
    try {
      agent.dispatch({ origin, path: pathname + search, method, headers, body: body ?? null }, exchange);
      const answer = await exchange.answer;
      return {
        request,
        status: answer.status,
        headers: createHttpHeaders(answer.headers),
        bodyAsText: answer.body,
      };
    } catch (error) {
      if (!(error instanceof Error) || error.name === 'AbortError') throw error;
      const code =
        'code' in error && typeof error.code === 'string' ? error.code : RestError.REQUEST_SEND_ERROR;
      // The first is undici's code for a connection that the service has closed.
      throw new RestError(error.message, { request, code: code === 'UND_ERR_SOCKET' ? 'ECONNRESET' : code });
    }
  },
};

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Handles the events of one request. It fails with an `AbortError` when the time is up or the signal is aborted. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #answer = Promise.withResolvers<Answer>();
  readonly #chunks: Buffer[] = [];
  #length = 0;
  readonly #signal: PipelineRequest['abortSignal'];
  readonly #timer: NodeJS.Timeout;
  #control: Dispatcher.DispatchController | undefined;
  #aborted: Error | undefined;
  #status = 0;
  #headers: Record<string, string> = {};

  constructor({ timeout, abortSignal }: Pick<PipelineRequest, 'timeout' | 'abortSignal'>) {
    this.#signal = abortSignal;
    this.#timer = setTimeout(this.#abort, timeout);
    abortSignal?.addEventListener('abort', this.#abort);
    if (abortSignal?.aborted) this.#abort();
  }

  get answer(): Promise<Answer> {
    return this.#answer.promise;
  }

  readonly #abort = (): void => {
    this.#aborted = new DOMException('a request to tables was aborted', 'AbortError');
    this.#control?.abort(this.#aborted);
    this.#fail(this.#aborted);
  };

  #fail(error: Error): void {
    this.#end();
    this.#answer.reject(error);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#abort);
  }

  onRequestStart(control: Dispatcher.DispatchController): void {
    this.#control = control;
    // The request has waited for a connection until now.
    if (this.#aborted) control.abort(this.#aborted);
  }

  onResponseStart(_control: Dispatcher.DispatchController, status: number, headers: object): void {
    this.#status = status;
    this.#headers = { ...headers };
  }

  onResponseData(control: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > MAX_ANSWER_BYTES) control.abort(new Error('an answer of tables is too large'));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#end();
    const [only, ...rest] = this.#chunks;
    const body = only && rest.length === 0 ? only : Buffer.concat(this.#chunks);
    this.#answer.resolve({ status: this.#status, headers: this.#headers, body: body.toString() });
  }

  onResponseError(_control: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error);
  }
}
