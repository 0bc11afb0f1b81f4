import { isObject, type JsonObject } from '../../../gateway/jsonRpc.ts';
import { GATEWAY_INFO, LATEST_LEGACY } from '../../../gateway/protocol.ts';
import type { Exchanged } from './exchange.ts';
import { jsonHeaders, type Recorder, type Wire } from './recorder.ts';
import { noLists, recordLists, tryUnknownNames, UNKNOWN } from './recordCommon.ts';
import { resultIn, type Transcript } from './transcript.ts';

const plain: Wire = { headersOf: () => ({}), paramsOf: (params) => params };

/** The handshake of the legacy era; nothing else is sent. */
export const openLegacy = (recorder: Recorder): Promise<Exchanged | undefined> =>
  recorder.ask('initialize', { rpc: 'initialize', params: hello(LATEST_LEGACY) }, plain);

const hello = (protocolVersion: string): JsonObject => ({
  protocolVersion,
  capabilities: {},
  clientInfo: GATEWAY_INFO,
});

/** Tries everything that the checks of the legacy era judge, in a session of its own, which it ends. Calls no tool that exists. */
export async function recordLegacy(recorder: Recorder, opening: Exchanged): Promise<Transcript> {
  const profile = resultIn(opening) ?? {};
  const version = typeof profile['protocolVersion'] === 'string' ? profile['protocolVersion'] : '';
  const sessionId = sessionIn(opening);
  const capabilities = isObject(profile['capabilities']) ? profile['capabilities'] : {};
  const session: Record<string, string> = {
    ...(version !== '' && version !== '2025-03-26' && { 'mcp-protocol-version': version }),
    ...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
  };
  const wire: Wire = { ...plain, headersOf: () => session };
  const headers = { ...jsonHeaders, ...session };
  const ping = (step: string, changed: Record<string, string | null>) =>
    recorder.ask(step, { rpc: 'ping', headers: changed }, wire);

  const transcript = { era: 'legacy', version, opening, profile, capabilities, sessionId } as const;
  // Without a session there is nothing that the others could be judged by.
  if (!resultIn(opening))
    return {
      ...transcript,
      lists: noLists,
      steps: recorder.steps,
      interrupted: 'initialize was not answered',
    };

  const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
  await recorder.send({
    step: 'initialized',
    method: 'POST',
    headers,
    body: JSON.stringify(initialized),
    rpc: initialized.method,
  });
  // Zero is an id like any other, and one that is easily taken for none.
  await recorder.ask('ping', { rpc: 'ping', id: 0, params: { _meta: { 'com.example/check': true } } }, wire);
  const lists = await recordLists(recorder, wire);
  await tryUnknownNames(recorder, wire, capabilities);
  if ('logging' in capabilities)
    await recorder.ask('log level', { rpc: 'logging/setLevel', params: { level: 'error' } }, wire);
  if ('logging' in capabilities)
    await recorder.ask('unknown log level', { rpc: 'logging/setLevel', params: { level: UNKNOWN } }, wire);
  if (isObject(capabilities['resources']) && capabilities['resources']['subscribe'] === true)
    await recorder.ask('subscribe', { rpc: 'resources/subscribe', params: { uri: 'check:none' } }, wire);
  await recorder.send({ step: 'broken JSON', method: 'POST', headers, body: '{"jsonrpc":' });
  await recorder.send({ step: 'no JSON-RPC', method: 'POST', headers, body: '{"hello":"server"}' });
  await ping('unknown version header', { 'mcp-protocol-version': '1900-01-01' });
  await ping('text body', { 'content-type': 'text/plain' });
  await ping('unacceptable form', { accept: 'image/png' });
  await ping('foreign origin', { origin: 'https://origin.invalid' });
  if (version === '2025-03-26') {
    const batch = ['a', 'b'].map((id) => ({ jsonrpc: '2.0', id, method: 'ping' }));
    await recorder.send({ step: 'batch', method: 'POST', headers, body: JSON.stringify(batch) });
  }
  const listen = { accept: 'text/event-stream', ...session };
  await recorder.send({ step: 'GET', method: 'GET', headers: listen }, 'head');
  await tryOtherVersion(recorder);
  if (sessionId !== undefined) {
    await ping('no session', { 'mcp-session-id': null });
    await recorder.send({ step: 'DELETE', method: 'DELETE', headers: session });
    await ping('ended session', {});
  }
  return { ...transcript, lists, steps: recorder.steps, interrupted: recorder.interrupted() };
}

/** Opens a second session, with a version that nobody speaks, and ends it. */
async function tryOtherVersion(recorder: Recorder): Promise<void> {
  const answered = await recorder.ask(
    'unknown version',
    { rpc: 'initialize', params: hello('1900-01-01') },
    plain,
  );
  const second = answered && sessionIn(answered);
  if (second === undefined) return;
  const version = resultIn(answered)?.['protocolVersion'];
  const headers = {
    'mcp-session-id': second,
    ...(typeof version === 'string' && { 'mcp-protocol-version': version }),
  };
  await recorder.send({ step: 'DELETE of the second session', method: 'DELETE', headers });
}

function sessionIn({ answer }: Exchanged): string | undefined {
  const id = answer?.headers['mcp-session-id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}
