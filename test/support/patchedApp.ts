/** An app on the patched Functions library. Its functions receive the request of `incomingRequest.ts`. */
import { app } from '@azure/functions';
import type { IncomingRequest } from '../../functions/http/serve.ts';
import { report } from '../../infra/functions-host/test/support/sampleApp/report.ts';

app.setup({ enableHttpStream: true });

async function textOf({ body }: IncomingRequest): Promise<string> {
  let text = '';
  for await (const chunk of body ?? []) text += Buffer.from(chunk).toString();
  return text;
}

app.http('echo', {
  route: 'echo',
  methods: ['GET', 'POST'],
  handler: async (request: IncomingRequest) => ({
    jsonBody: {
      method: request.method,
      url: request.url,
      headers: Object.fromEntries(request.headers),
      body: await textOf(request),
    },
  }),
});
app.http('native', {
  route: 'native',
  methods: ['GET'],
  handler: () => new Response('native', { status: 418, headers: { 'X-Kind': 'native' } }),
});
/** Answers when its client has left. */
app.http('abandoned', {
  route: 'abandoned',
  methods: ['POST'],
  handler: async (request: IncomingRequest) => {
    await textOf(request);
    await new Promise<void>((resolve) => {
      request.onLeave?.(resolve);
      report('abandoned waits', undefined);
    });
    report('abandoned was told', undefined);
    return { body: 'for nobody' };
  },
});

/** The chunks of a streamed answer, one a `POST release`, so that a test decides when each leaves. */
let release: PromiseWithResolvers<string> = Promise.withResolvers();

app.http('gated', {
  route: 'gated',
  methods: ['GET'],
  handler: () => {
    release = Promise.withResolvers();
    report('gated', undefined);
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const chunk = await release.promise;
        release = Promise.withResolvers();
        controller.enqueue(Buffer.from(chunk));
      },
      cancel() {
        report('gated was cancelled', undefined);
      },
    });
    return { headers: { 'content-type': 'text/event-stream' }, body };
  },
});
app.http('release', {
  route: 'release',
  methods: ['POST'],
  handler: async (request: IncomingRequest) => {
    release.resolve(await textOf(request));
    return {};
  },
});
