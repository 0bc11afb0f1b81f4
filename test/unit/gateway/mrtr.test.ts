import { expect, test } from 'vitest';
import { type Outcome, type RequestId, toId } from '../../../shared/gateway/protocol/jsonRpc.ts';
import type { AnswerItem } from '../../../shared/gateway/upstream/answer.ts';
import type { Connection } from '../../../shared/gateway/upstream/connection.ts';
import { withMrtr } from '../../../shared/gateway/upstream/mrtr.ts';
import { parseExactJson } from '../../../shared/platform/base/exactJson.ts';

const asks: Outcome = {
  result: { resultType: 'input_required', inputRequests: { key: { method: 'roots/list' } } },
};
const ends: Outcome = { result: { content: [] } };

/** The ids under which a server gets a call that it answers with these outcomes, and what the client gets. */
async function idsOf(id: RequestId, outcomes: readonly Outcome[]) {
  const ids: RequestId[] = [];
  const server: Connection = {
    era: 'modern',
    usesMrtr: true,
    request: (call) => {
      ids.push(call.id);
      return Promise.resolve({ kind: 'whole', outcome: outcomes[ids.length - 1] ?? ends });
    },
  };
  const wait = () => ({ ticket: 'ticket', answer: Promise.resolve({ result: { roots: [] } }) });
  const call = { id, method: 'tools/call', params: {}, envelope: undefined, traceparent: '' };
  const bridge = withMrtr(server, { roots: {} }, wait);
  const answer = await bridge.request(call, new AbortController().signal);
  const items: AnswerItem[] = answer.kind === 'stream' ? await Array.fromAsync(answer.items) : [];
  return { ids, kinds: items.map(({ kind }) => kind) };
}

test.each<[RequestId, string]>([
  [7, '7'],
  ['c', 'c'],
  [toId(parseExactJson('1764489081123456789')) ?? 0, '1764489081123456789'],
])('each retry of the request %j has an id of its own', async (id, text) => {
  const { ids, kinds } = await idsOf(id, [asks, asks]);
  expect(ids).toEqual([id, `${text}-1`, `${text}-2`]);
  expect(kinds).toEqual(['request', 'request', 'outcome']);
});

test('a request that its server answers at once is sent once', async () => {
  expect(await idsOf(7, [])).toEqual({ ids: [7], kinds: [] });
});
