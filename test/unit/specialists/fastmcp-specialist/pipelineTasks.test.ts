import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { LATEST_MODERN } from '../../../../shared/gateway/protocol/versions.ts';
import { fail, succeed } from '../../../../shared/platform/base/result.ts';
import type { OutboundClient, OutboundRequest } from '../../../../shared/platform/outbound/outboundClient.ts';
import { probeOverHttp } from '../../../../shared/specialists/fastmcp-specialist/pipelineTasks.ts';
import { outboundBody } from '../../../support/outboundBody.ts';

type Said = readonly [status: number, body?: unknown];

/** The mcp app as it answers when all is well. */
function sound({ url, method, headers, body = '' }: OutboundRequest): Said {
  if (method === 'GET') return url.endsWith('/health') ? [200, { status: 'up' }] : [404];
  if (headers['origin'] !== undefined) return [403];
  if (headers['authorization'] === undefined) return [401];
  if (body === '{') return [400, { error: { code: -32700 } }];
  const { method: asked } = JSON.parse(body) as { method: string };
  if (headers['mcp-method'] !== undefined && headers['mcp-method'] !== asked)
    return [400, { error: { code: -32020 } }];
  const results: Readonly<Record<string, object>> = {
    ping: {},
    initialize: { protocolVersion: '2025-11-25' },
    'server/discover': { supportedVersions: [LATEST_MODERN] },
    'tools/list': { tools: [] },
  };
  return [200, { result: results[asked] }];
}

async function walk(
  change: (request: OutboundRequest, said: Said) => Said | 'down' = (_, said) => said,
  token: string | undefined = 'secret.to.ken',
) {
  const outbound: OutboundClient = {
    request(request) {
      const said = change(request, sound(request));
      if (said === 'down')
        return Promise.resolve(fail({ kind: 'unavailable', message: 'connection refused' }));
      const [statusCode, body] = said;
      const sent = Readable.from([Buffer.from(JSON.stringify(body ?? {}))]);
      return Promise.resolve(succeed({ statusCode, headers: {}, body: outboundBody(sent) }));
    },
    close: () => Promise.resolve(),
  };
  const deps = { outbound, config: { publicOrigin: 'https://mcp.contoso.com' } };
  const { walked, findings } = await probeOverHttp(
    deps as unknown as Parameters<typeof probeOverHttp>[0],
    { signal: new AbortController().signal, traceId: 'a'.repeat(32) },
    token,
  );
  expect(JSON.stringify({ walked, findings })).not.toContain('secret');
  return { stages: walked.map(({ stage }) => stage), rules: findings.map(({ rule }) => rule) };
}

const when =
  (matches: (request: OutboundRequest) => boolean, instead: Said | 'down') =>
  (request: OutboundRequest, said: Said): Said | 'down' =>
    matches(request) ? instead : said;
const asks = (method: string) => (request: OutboundRequest) => request.body?.includes(`"${method}"`) === true;
const withToken = ({ headers }: OutboundRequest) => headers['authorization'] !== undefined;

test('a sound pipeline is walked to its end without a finding', async () => {
  expect(await walk()).toEqual({
    stages: ['reachable', 'origin', 'token', 'permission', 'body', 'era', 'era', 'era', 'catalogue'],
    rules: [],
  });
});

test('without a token the walk ends before sign-in', async () => {
  expect(await walk((_, said) => said, undefined)).toMatchObject({ rules: [] });
});

describe('a stage that does not do its part is named', () => {
  test.each<[string, Parameters<typeof walk>[0], readonly string[]]>([
    [
      'pages of any origin are let through',
      when(({ headers }) => 'origin' in headers, [401]),
      ['stage_origin'],
    ],
    [
      'nobody needs a token',
      when((request) => !withToken(request) && asks('ping')(request), [200]),
      ['stage_origin', 'stage_token'],
    ],
    [
      'the permission is not there',
      when((request) => withToken(request) && asks('ping')(request), [403]),
      ['stage_permission'],
    ],
    ['a body is not judged', when(({ body }) => body === '{', [200]), ['stage_body']],
    ['the legacy era is refused', when(asks('initialize'), [400]), ['stage_era']],
    [
      'headers are dropped on the way',
      when(
        ({ headers, body = '' }) => headers['mcp-method'] === 'tools/list' && body.includes('discover'),
        [200, { result: {} }],
      ),
      ['stage_era'],
    ],
    [
      'the catalogue cannot be read',
      when(asks('tools/list'), [200, { error: { code: -32603 } }]),
      ['stage_catalogue'],
    ],
  ])('%s', async (_, change, rules) => {
    expect((await walk(change)).rules).toEqual(rules);
  });

  test('a token that is refused ends the walk at the stage of tokens, whatever it was to reach', async () => {
    expect(await walk(when(withToken, [401]))).toEqual({
      stages: ['reachable', 'origin', 'token', 'permission'],
      rules: ['stage_token'],
    });
  });

  test('an app that is not there has one finding', async () => {
    expect(await walk(when(() => true, 'down'))).toEqual({
      stages: ['reachable'],
      rules: ['stage_reachable'],
    });
  });
});
