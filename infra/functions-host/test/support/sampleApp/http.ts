import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import { report } from './report.ts';

const encoder = new TextEncoder();

/** What a function sees of its request. */
async function see(request: HttpRequest): Promise<HttpResponseInit> {
  return {
    jsonBody: {
      method: request.method,
      url: request.url,
      params: request.params,
      query: [...request.query],
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    },
  };
}

app.http('echo', { route: 'echo/{id?}', methods: ['GET', 'POST', 'PUT', 'DELETE'], handler: see });
app.http('params', { route: 'params/{id}', methods: ['GET', 'POST'], handler: see });
app.http('encoded', { route: 'n/{name}/v/{version}', methods: ['GET'], handler: see });
app.http('encodedRest', { route: 'rest/{*rest}', methods: ['GET'], handler: see });

app.http('size', {
  route: 'size',
  methods: ['POST'],
  handler: async (request) => {
    let bytes = 0;
    for await (const chunk of request.body ?? []) bytes += (chunk as Uint8Array).length;
    return { jsonBody: { bytes } };
  },
});

const named = (name: string) => (request: HttpRequest) => ({ jsonBody: { name, params: request.params } });
app.http('orderA', { route: 'order/{id}', methods: ['GET'], handler: named('orderA') });
app.http('orderB', { route: 'order/special', methods: ['GET', 'PUT'], handler: named('orderB') });
app.http('constraintGuid', { route: 'constraint/{id:guid}', methods: ['GET'], handler: named('guid') });
app.http('constraintInt', { route: 'constraint/{id:int}', methods: ['GET'], handler: named('int') });
app.http('constraintSlug', {
  route: 'constraint/{slug:regex(^[a-z0-9-]{{1,8}}$)}',
  methods: ['GET'],
  handler: named('slug'),
});
app.http('wellKnown', { route: '.well-known/{*rest}', methods: ['GET'], handler: named('wellKnown') });
app.http('zzRest', { route: '{*path}', methods: ['GET'], handler: named('zzRest') });

app.http('secret', { route: 'secret', methods: ['GET'], authLevel: 'function', handler: named('secret') });

app.http('statuses', {
  route: 'status/{code:int}',
  methods: ['GET'],
  handler: (request) => {
    const status = Number(request.params['code']);
    return {
      status,
      headers: {
        'WWW-Authenticate': 'Bearer realm="sample"',
        'Mcp-Session-Id': 'session',
        Allow: 'GET',
        ETag: '"1"',
        Link: '</next>; rel="next"',
        'Cache-Control': 'no-store',
        Connection: 'x-internal',
        'X-Internal': 'dropped because Connection names it',
      },
      ...(status === 204 || status === 304 ? {} : { body: `status ${status}` }),
    };
  },
});

app.http('cookies', {
  route: 'cookies',
  methods: ['GET'],
  handler: () => ({
    body: 'cookies',
    cookies: [
      { name: 'one', value: '1', path: '/', httpOnly: true, sameSite: 'Lax' },
      { name: 'two', value: '2', maxAge: 60, secure: true },
    ],
  }),
});
app.http('cookieHeaders', {
  route: 'cookie-headers',
  methods: ['GET'],
  handler: () => ({
    body: 'cookies',
    headers: [
      ['Set-Cookie', 'one=1'],
      ['Set-Cookie', 'two=2'],
    ] as never,
  }),
});
app.http('nativeResponse', {
  route: 'native',
  methods: ['GET'],
  handler: () => new Response('native', { status: 418, headers: { 'X-Kind': 'native' } }),
});

app.http('throws', {
  route: 'throws',
  methods: ['GET'],
  handler: () => {
    throw new Error('thrown on purpose');
  },
});
app.http('returnsNothing', { route: 'nothing', methods: ['GET'], handler: () => undefined as never });
app.http('returnsNull', { route: 'null', methods: ['GET'], handler: () => null as never });
app.http('returnsText', { route: 'text', methods: ['GET'], handler: () => 'text' as never });
app.http('crashes', {
  route: 'crashes',
  methods: ['GET'],
  handler: () => {
    setImmediate(() => {
      throw new Error('thrown outside of any function');
    });
    return new Promise<HttpResponseInit>(() => {});
  },
});
app.http('parked', {
  route: 'parked',
  methods: ['GET'],
  handler: async () => {
    report('parked', undefined);
    // The test sends the host's process a message when this function may go on.
    await new Promise((resolve) => process.once('message', resolve));
    report('went on', undefined);
    return { body: 'went on' };
  },
});
/** Answers when its client has left, if the library tells: a library as published does not. */
app.http('abandoned', {
  route: 'abandoned',
  methods: ['POST'],
  handler: async (request: HttpRequest & { onLeave?: (act: () => void) => void }) => {
    await request.text();
    await new Promise<void>((resolve) => {
      request.onLeave?.(resolve);
      report('abandoned waits', undefined);
    });
    report('abandoned was told', undefined);
    return { body: 'for nobody' };
  },
});
app.http('never', {
  route: 'never',
  methods: ['GET'],
  handler: () => new Promise<HttpResponseInit>(() => {}),
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
        if (chunk === 'end') controller.close();
        else if (chunk === 'error') controller.error(new Error('the stream fails on purpose'));
        else controller.enqueue(encoder.encode(chunk));
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
  handler: async (request) => {
    release.resolve(await request.text());
    return {};
  },
});

app.http('context', {
  route: 'context',
  methods: ['GET'],
  handler: (_: HttpRequest, context: InvocationContext) => {
    context.log('a line of the function');
    const { invocationId, functionName, triggerMetadata, retryContext, traceContext } = context;
    return {
      jsonBody: {
        invocationId,
        functionName,
        triggerMetadata: triggerMetadata ?? null,
        retryContext,
        traceContext,
      },
    };
  },
});
