import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Era } from '../../shared/registry/records/era.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { discoveryOf, type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { MODERN } from '../support/rawClient.ts';

/*
 * What passes through keeps its bytes. Messages are texts here, because a parser would hide the differences.
 */

const eras = ['legacy', 'modern'] as const;
const pairs = eras.flatMap((client) => eras.map((server) => ({ client, server })));
const places = ['its own endpoint', 'the aggregate endpoint'] as const;

/** Numbers that no double keeps, and fields whose order and emptiness must stay. */
const ODD =
  '{"id":725653563933458432,"price":1.0,"far":1e400,"zero":-0,"pi":3.14159265358979323846264338327950288,' +
  String.raw`"z":1,"empty":{},"none":[],"a":null,"text":"1.0 -0 \" 1e5","deep":[1.50,{"c":9007199254740993}]}`;

const modernMeta = `"io.modelcontextprotocol/protocolVersion":"${MODERN}","io.modelcontextprotocol/clientCapabilities":{}`;
/** Params of a call with a given `_meta`, as a client of an era writes them. */
const paramsOf = (era: Era, name: string, meta: string | undefined, rest: string): string => {
  const own = era === 'modern' ? modernMeta : '';
  const both = [own, meta ?? ''].filter(Boolean).join(',');
  const isAbsent = era === 'legacy' && meta === undefined;
  return `{"arguments":${ODD},${isAbsent ? '' : `"_meta":{${both}},`}"name":"${name}"${rest}}`;
};

/** A number as JSON libraries write it that know doubles alone. */
const pointed = (value: string): string => (/^\d{1,9}$/.test(value) ? `${value}.0` : value);

let gateway: TestGateway;
const upstreams = {} as Record<Era, HandmadeUpstream>;
/** What the servers answer with: the JSON-RPC member of the response, and the messages of a stream before it. */
let answer = '';
let before: readonly string[] | undefined;

beforeAll(async () => {
  gateway = await startGateway();
  for (const era of eras) {
    upstreams[era] = await handmadeUpstream((response, { body }) => {
      const id = /"id":("[^"]*"|[^,}]+)/.exec(body)?.[1] ?? 'null';
      const token = /"progressToken":("[^"]*"|[^,}]+)/.exec(body)?.[1] ?? 'null';
      const last = `{"jsonrpc":"2.0","id":${pointed(id)},${answer}}`;
      if (before === undefined) {
        json(response, last);
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const messages = [
        ...before.map((message) => message.replace('TOKEN.0', pointed(token)).replace('TOKEN', token)),
        last,
      ];
      response.end(messages.map((message) => `event: message\ndata: ${message}\n\n`).join(''));
    });
    await gateway.register(era, upstreams[era].url, { discovery: discoveryOf(era) });
  }
});
afterAll(async () => {
  await gateway.close();
  await Promise.all(eras.map((era) => upstreams[era].close()));
});
beforeEach(() => {
  before = undefined;
  for (const era of eras) upstreams[era].received.length = 0;
});

interface Client {
  readonly era: Era;
  readonly server: Era;
  readonly place: (typeof places)[number];
}

/** Calls the tool of a server. Returns the messages of the answer as texts. */
async function call({ era, server, place }: Client, meta?: string, rest = '', id = '"c"'): Promise<string[]> {
  const isOwn = place === 'its own endpoint';
  const name = isOwn ? 'echo' : `${server}__echo`;
  return send(
    isOwn ? gateway.urlOf(server) : gateway.url,
    `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${paramsOf(era, name, meta, rest)}}`,
    era === 'modern' ? { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': name } : {},
  );
}

async function send(url: string, body: string, headers: Record<string, string> = {}): Promise<string[]> {
  const accept = 'application/json, text/event-stream';
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept, ...headers },
    body,
  });
  const text = await response.text();
  return response.headers.get('content-type') === 'text/event-stream'
    ? [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data ?? '')
    : [text];
}

/** The params that a server got, as text. */
const sentTo = (era: Era): string =>
  /"params":(.*)\}$/.exec(upstreams[era].calls()[0]?.body ?? '')?.[1] ?? '';

const rows = pairs.flatMap(({ client, server }) => places.map((place) => ({ era: client, server, place })));

describe.each(rows)('a call of a $era client to a $server server at $place', (who) => {
  const { era, server } = who;
  const content = `"structuredContent":${ODD},"content":[{"type":"text","text":"x","annotations":{"priority":1.0}}]`;

  test.each(['JSON', 'a stream'])(
    'gets a result in %s with the numbers and fields of the server',
    async (form) => {
      if (form === 'a stream') before = [];
      const typed = server === 'modern' ? ',"resultType":"complete"' : '';
      answer = `"result":{${content},"_meta":{"acme/m":1.0},"isError":false${typed}}`;
      const [got] = await call(who);
      expect(got).toContain(content);
      expect(got).toContain('"acme/m":1.0');
      if (era === server) expect(got).toBe(`{"jsonrpc":"2.0","id":"c",${answer}}`);
    },
  );

  test('gets an error with the numbers and fields of the server', async () => {
    answer = `"error":{"message":"out of stock","code":42.0,"data":${ODD},"acme/e":1.0}`;
    expect(await call(who)).toEqual([`{"jsonrpc":"2.0","id":"c",${answer.replace('42.0', '42')}}`]);
  });

  test('sends its arguments and fields to the server', async () => {
    answer = '"result":{"content":[]}';
    await call(who, '"acme/m":1.50', ',"acme/p":{"n":1.0,"e":{}}');
    const sent = sentTo(server);
    expect(sent).toMatch(/^\{"arguments":/);
    expect(sent).toContain(`"arguments":${ODD},"_meta":{"acme/m":1.50`);
    expect(sent).toContain('"name":"echo","acme/p":{"n":1.0,"e":{}}}');
    if (server === 'legacy')
      expect(sent).toBe(paramsOf('legacy', 'echo', '"acme/m":1.50', ',"acme/p":{"n":1.0,"e":{}}'));
  });

  test('has no _meta that nobody wrote', async () => {
    answer = '"result":{"content":[]}';
    const [got] = await call(who);
    if (server === 'legacy') expect(sentTo(server)).not.toContain('_meta');
    if (era === 'legacy') expect(got).toBe('{"jsonrpc":"2.0","id":"c","result":{"content":[]}}');
    if (era === server) expect(got).not.toContain('_meta');
  });

  test('keeps an empty _meta', async () => {
    answer = '"result":{"_meta":{},"content":[]}';
    const [got] = await call(who, '');
    if (era === 'legacy') expect(got).toBe(`{"jsonrpc":"2.0","id":"c",${answer}}`);
    if (era === 'legacy' && server === 'legacy')
      expect(sentTo(server)).toBe(paramsOf('legacy', 'echo', '', ''));
  });

  test('gets notifications of the call with their numbers and fields, those of extensions too', async () => {
    before = [
      `{"jsonrpc":"2.0","method":"notifications/acme/chunk","params":{"chunk":${ODD},"_meta":{}}}`,
      '{"jsonrpc":"2.0","method":"acme/hello"}',
      '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":1.0,"data":"x"}}',
      '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
      '{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{}}',
    ];
    answer = '"result":{"content":[]}';
    expect((await call(who)).slice(0, -1)).toEqual(before.slice(0, 2));
  });

  test.each(['1764489081123456789', '1.5', '7', '"t"'])(
    'has the id and the progress token %s',
    async (token) => {
      before = [
        '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":TOKEN,"progress":1.0}}',
      ];
      answer = '"result":{"content":[]}';
      const id = token === '1.5' ? '"c"' : token;
      const [progress, last] = await call(who, `"progressToken":${token}`, '', id);
      expect(progress).toBe(before[0]?.replace('TOKEN', token));
      expect(last).toContain(`"id":${id},"result":`);
    },
  );

  test('gets the answer of a server that writes every number with a point', async () => {
    before = [
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":TOKEN.0,"progress":1.0}}',
    ];
    answer = '"result":{"content":[]}';
    const [progress, last] = await call(who, '"progressToken":7', '', '9');
    expect(progress).toContain('"progressToken":7');
    expect(last).toContain('"id":9,"result":');
  });
});

describe('a server request', () => {
  const ask = `"method":"sampling/createMessage","params":{"maxTokens":1.0,"metadata":${ODD},"_meta":{}}`;
  const result = `{"content":${ODD},"model":"m","_meta":{},"role":"assistant"}`;

  async function begin(url: string): Promise<Record<string, string>> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"sampling":{}},"clientInfo":{"name":"c","version":"1"}}}',
    });
    await response.text();
    return { 'mcp-session-id': response.headers.get('mcp-session-id') ?? '' };
  }
  /** The id and the rest of a server request, as the client got it. */
  const read = (message: string | undefined) => {
    const [, rest, id] =
      /^(.*),"id":("[^"]*")\}$/.exec(
        message?.replace(/^\{"jsonrpc":"2.0","id":("[^"]*"),(.*)\}$/, '{"jsonrpc":"2.0",$2,"id":$1}') ?? '',
      ) ?? [];
    return { rest, id };
  };

  test('of a 2025 server keeps its numbers, and so do the id and the answer', async () => {
    const id = '1764489081123456789';
    before = [`{"jsonrpc":"2.0","id":${id},${ask}}`];
    answer = '"result":{"content":[]}';
    const session = await begin(gateway.urlOf('legacy'));
    const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}`;
    const [asked] = await send(gateway.urlOf('legacy'), call, session);
    const { rest, id: ticket } = read(asked);
    expect(rest).toBe(`{"jsonrpc":"2.0",${ask}`);
    const reply = `{"jsonrpc":"2.0","id":${ticket},"result":${result}}`;
    expect(await send(gateway.urlOf('legacy'), reply, session)).toEqual(['']);
    expect(upstreams.legacy.received.at(-1)?.body).toBe(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
  });

  test('of a 2026 server keeps its numbers, and so do the state and the answer', async () => {
    const state = '"requestState":1764489081123456789';
    answer = `"result":{"resultType":"input_required","inputRequests":{"k":{${ask}}},${state}}`;
    const session = await begin(gateway.urlOf('modern'));
    const response = await fetch(gateway.urlOf('modern'), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream, application/json',
        ...session,
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}',
    });
    let text = '';
    let isAnswered = false;
    for await (const chunk of (response.body ?? new ReadableStream<Uint8Array>()).pipeThrough(
      new TextDecoderStream(),
    )) {
      text += chunk;
      const [, asked] = /^data: (.*)$/m.exec(text) ?? [];
      if (asked === undefined || isAnswered) continue;
      isAnswered = true;
      const { rest, id } = read(asked);
      expect(rest).toBe(`{"jsonrpc":"2.0",${ask}`);
      answer = '"result":{"resultType":"complete","content":[]}';
      await send(gateway.urlOf('modern'), `{"jsonrpc":"2.0","id":${id},"result":${result}}`, session);
    }
    expect(sentTo('modern')).not.toContain('inputResponses');
    const again = upstreams.modern.calls()[1]?.body;
    expect(again).toContain(`"inputResponses":{"k":${result}},${state}`);
  });
});

describe('a list', () => {
  const schema =
    '{"type":"object","properties":{"n":{"maximum":18446744073709551615,"default":1.0,"minimum":-0}}}';
  const tool = `{"name":"count","inputSchema":${schema},"_meta":{},"acme/big":725653563933458432,"annotations":{}}`;

  test('has the numbers and fields of the server, after its record was stored', async () => {
    const counting = await handmadeUpstream(() => undefined, {
      'tools/list': (response, { message }) => {
        json(response, `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":{"tools":[${tool}]}}`);
      },
    });
    await gateway.register('counting', counting.url);
    const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    expect(await send(gateway.urlOf('counting'), list)).toEqual([
      `{"jsonrpc":"2.0","id":1,"result":{"tools":[${tool}]}}`,
    ]);
    expect((await send(gateway.url, list))[0]).toContain(tool.replace('"count"', '"counting__count"'));
    await gateway.withdraw('counting');
    await counting.close();
  });
});
