import type { JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import type { Recorder, Wire } from './recorder.ts';
import type { ListKind, ListRun } from './transcript.ts';

/** A name that nothing on any server has. */
export const UNKNOWN = 'mreg-check-none';

const unread: ListRun = { pages: [], items: [], end: 'failed' };
export const noLists: Record<ListKind, ListRun> = {
  tools: unread,
  prompts: unread,
  resources: unread,
  resourceTemplates: unread,
};

/** Every list, also those that the server does not declare: what it answers there is judged too. */
export async function recordLists(recorder: Recorder, wire: Wire): Promise<Record<ListKind, ListRun>> {
  const lists = {
    tools: await recorder.list('tools', wire),
    prompts: await recorder.list('prompts', wire),
    resources: await recorder.list('resources', wire),
    resourceTemplates: await recorder.list('resourceTemplates', wire),
  };
  if (lists.tools.pages.length > 1)
    await recorder.ask('unknown cursor', { rpc: 'tools/list', params: { cursor: UNKNOWN } }, wire);
  return lists;
}

/** Asks for things that are not there. */
export async function tryUnknownNames(
  recorder: Recorder,
  wire: Wire,
  capabilities: JsonObject,
): Promise<void> {
  await recorder.ask('unknown method', { rpc: `${UNKNOWN}/none` }, wire);
  if ('tools' in capabilities)
    await recorder.ask('unknown tool', { rpc: 'tools/call', params: { name: UNKNOWN, arguments: {} } }, wire);
  if ('prompts' in capabilities)
    await recorder.ask('unknown prompt', { rpc: 'prompts/get', params: { name: UNKNOWN } }, wire);
  if ('resources' in capabilities)
    await recorder.ask('unknown resource', { rpc: 'resources/read', params: { uri: 'check:none' } }, wire);
  if ('completions' in capabilities) {
    const params = { ref: { type: 'ref/prompt', name: UNKNOWN }, argument: { name: 'a', value: '' } };
    await recorder.ask('completion', { rpc: 'completion/complete', params }, wire);
  }
}

/** Bodies that are no message. */
export async function tryBrokenBodies(
  recorder: Recorder,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  await recorder.send({ step: 'broken JSON', method: 'POST', headers, body: '{"jsonrpc":' });
  await recorder.send({ step: 'no JSON-RPC', method: 'POST', headers, body: '{"hello":"server"}' });
}

/** How often the same small request is sent to learn how long it takes. */
export const TIMES = 5;

/** A small request again and again, and a list as it is and compressed. */
export async function recordTimes(recorder: Recorder, rpc: string, wire: Wire): Promise<void> {
  for (let time = 1; time <= TIMES; time++) await recorder.ask(`time ${time}`, { rpc }, wire);
  await recorder.ask('list tools', { rpc: 'tools/list' }, wire);
  await recorder.ask('list tools, compressed', { rpc: 'tools/list', compressed: true }, wire);
}
