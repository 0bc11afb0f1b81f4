import { describe, expect, test } from 'vitest';
import { fail, succeed } from '../../../shared/platform/base/result.ts';
import { openManagementRoutes } from '../../support/managementRoutes.ts';
import { discovery, testRegistry } from '../../support/registrations.ts';

const url = 'https://stock.example/mcp';
const reason = 'The server cannot be reached: the connection was refused.';

/** The routes, with agents that work while an answer waits. */
function opened(isSound: () => boolean) {
  const run = testRegistry({
    validate: () => (isSound() ? succeed(discovery) : fail({ kind: 'unavailable', message: reason })),
  });
  const { send } = openManagementRoutes(run);
  const sendAndWork = async (...request: Parameters<typeof send>) => {
    const answered = new AbortController();
    const answer = send(...request).finally(() => {
      answered.abort();
    });
    while (!answered.signal.aborted) {
      await run.pump();
      await new Promise((done) => setImmediate(done));
    }
    return answer;
  };
  return { send, sendAndWork };
}

describe('a registration that is rejected', () => {
  test('is a 422 with the reason and the plan for a caller that waits, and the record stays readable', async () => {
    const { send, sendAndWork } = opened(() => false);
    const answer = await sendAndWork('POST', '/servers?wait=5', { body: { slug: 'stock', url } });
    expect(answer).toMatchObject({
      status: 422,
      body: {
        type: 'urn:mcp-registry-gateway:problem:rejected',
        status: 422,
        kind: 'rejected',
        detail: expect.stringContaining(reason) as string,
        slug: 'stock',
        statusReason: expect.stringContaining(reason) as string,
        phasesCompleted: ['auth'],
        plan: { href: expect.stringMatching(/^\/plans\//) as string },
      },
    });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await send('GET', '/servers/stock')).toMatchObject({
      status: 200,
      body: { status: 'rejected', statusReason: answer.body['statusReason'] },
    });
  });

  test('is a 202 for a caller that does not wait', async () => {
    const { send } = opened(() => false);
    const answer = await send('POST', '/servers', { body: { slug: 'stock', url } });
    expect(answer).toMatchObject({ status: 202, body: { slug: 'stock', status: 'pending' } });
  });

  test('is a 422 again for a repetition of the request', async () => {
    const { send, sendAndWork } = opened(() => false);
    const request = { body: { slug: 'stock', url }, key: 'k1' };
    const first = await sendAndWork('POST', '/servers?wait=5', request);
    const second = await send('POST', '/servers?wait=5', request);
    expect([second.status, second.body]).toEqual([422, first.body]);
  });
});

test.each([
  ['PUT', '/servers/stock?wait=5', { url: 'https://other.example/mcp' }],
  ['POST', '/servers/stock/refresh?wait=5', undefined],
])(
  '%s %s that is rejected is a 422 with the reason, and the server stays as it was',
  async (method, path, body) => {
    let isSound = true;
    const { send, sendAndWork } = opened(() => isSound);
    await sendAndWork('POST', '/servers?wait=5', { body: { slug: 'stock', url } });
    isSound = false;
    expect(await sendAndWork(method, path, { body })).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining(reason) as string, slug: 'stock', plan: { state: 'failed' } },
    });
    expect(await send('GET', '/servers/stock')).toMatchObject({ body: { status: 'active', url } });
  },
);

describe('a delegation that its caller waits for', () => {
  const request = { body: { agent: 'fastmcp-specialist', task: 'validate_server_config', input: { url } } };

  test('is answered with its result', async () => {
    const { sendAndWork } = opened(() => true);
    const { status, body } = await sendAndWork('POST', '/delegations?wait=5', request);
    expect(status).toBe(202);
    expect(body).toMatchObject({ state: 'succeeded', attempts: 1, result: discovery });
    expect(body).not.toHaveProperty('note');
  });

  test('is answered with its error', async () => {
    const { sendAndWork } = opened(() => false);
    const { body } = await sendAndWork('POST', '/delegations?wait=5', request);
    expect(body).toMatchObject({ state: 'failed', error: { kind: 'unavailable', message: reason } });
  });

  test.each(['', '?wait=0', '?wait=0.05'])(
    'says how to get the result that is not there yet: %s',
    async (query) => {
      const { send } = opened(() => true);
      const { status, headers, body } = await send('POST', `/delegations${query}`, request);
      const href = headers.get('location') ?? '';
      expect([status, body['state'], body['result'], body['href']]).toEqual([202, 'queued', undefined, href]);
      expect(body['note']).toBe(`the result is not there yet: GET ${href}?wait=30 waits for it`);
    },
  );
});
