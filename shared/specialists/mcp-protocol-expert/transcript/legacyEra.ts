import { GATEWAY_INFO } from '../../../gateway/protocol/envelope.ts';
import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import { LATEST_LEGACY } from '../../../gateway/protocol/versions.ts';
import type { Exchanged } from './exchange.ts';
import {
  type EraRecorder,
  jsonHeaders,
  noLists,
  type Recorder,
  recordLists,
  recordTimes,
  tryBrokenBodies,
  tryUnknownNames,
  UNKNOWN,
  type Wire,
} from './recorder.ts';
import { resultIn, type Scope, type Transcript } from './transcript.ts';

/**
 * The first version of Streamable HTTP, and the only one with batches. Requests name their version in a header since the next
 * one.
 */
const FIRST_VERSION = '2025-03-26';

const plain: Wire = { headersOf: () => ({}), paramsOf: (params) => params };

/** Versions with an `initialize` handshake (2025-11-25, lifecycle). */
export const legacyEra: EraRecorder = {
  open: (recorder) => recorder.ask('initialize', { rpc: 'initialize', params: hello(LATEST_LEGACY) }, plain),
  isOpen: (opening) => resultIn(opening) !== undefined,
  record,
};

const hello = (protocolVersion: string): JsonObject => ({
  protocolVersion,
  capabilities: {},
  clientInfo: GATEWAY_INFO,
});

async function record(recorder: Recorder, opening: Exchanged, scope: Scope): Promise<Transcript> {
  const profile = resultIn(opening) ?? {};
  const version = typeof profile['protocolVersion'] === 'string' ? profile['protocolVersion'] : '';
  const sessionId = sessionIn(opening);
  const capabilities = isObject(profile['capabilities']) ? profile['capabilities'] : {};
  const known = { era: 'legacy', version, opening, profile, capabilities, sessionId } as const;
  const { steps } = recorder;
  // Later requests need the session that initialize opens.
  if (!resultIn(opening))
    return { ...known, lists: noLists, steps, interrupted: 'initialize was not answered' };

  const session: Session = {
    headers: {
      ...(version !== '' && version !== FIRST_VERSION && { 'mcp-protocol-version': version }),
      ...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
    },
    version,
    capabilities,
  };
  const wire: Wire = { ...plain, headersOf: () => session.headers };
  const headers = { ...jsonHeaders, ...session.headers };
  const { method: rpc } = initialized;
  await recorder.send({
    step: 'initialized',
    method: 'POST',
    headers,
    body: JSON.stringify(initialized),
    rpc,
  });
  if (scope === 'timing') await recordTimes(recorder, 'ping', wire);
  const lists = scope === 'timing' ? noLists : await recordLists(recorder, wire);
  if (scope === 'gentle' || scope === 'thorough') await tryRequests(recorder, session, wire);
  if (scope === 'thorough') await tryFaults(recorder, session, wire);
  if (scope !== 'lists') {
    const listen = { accept: 'text/event-stream', ...session.headers };
    await recorder.send({ step: 'GET', method: 'GET', headers: listen }, 'head');
  }
  if (sessionId !== undefined) {
    if (scope === 'thorough') {
      await tryOtherVersion(recorder);
      await recorder.ask('no session', { rpc: 'ping', headers: { 'mcp-session-id': null } }, wire);
    }
    await recorder.send({ step: 'DELETE', method: 'DELETE', headers: session.headers });
    if (scope === 'thorough') await recorder.ask('ended session', { rpc: 'ping' }, wire);
  } else if (scope === 'thorough') await tryOtherVersion(recorder);
  return { ...known, lists, steps, interrupted: recorder.interrupted() };
}

const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' } as const;

interface Session extends Pick<Transcript, 'version' | 'capabilities'> {
  readonly headers: Readonly<Record<string, string>>;
}

const setLevel = (level: string) => ({ rpc: 'logging/setLevel', params: { level } });

/** Sends requests that every client may send. */
async function tryRequests(recorder: Recorder, { capabilities }: Session, wire: Wire): Promise<void> {
  // A server that tests whether the id is truthy takes 0 for a missing id.
  await recorder.ask('ping', { rpc: 'ping', id: 0, params: { _meta: { 'com.example/check': true } } }, wire);
  if ('logging' in capabilities) await recorder.ask('log level', setLevel('error'), wire);
}

/** Sends malformed messages and names that do not exist. */
async function tryFaults(
  recorder: Recorder,
  { headers: session, version, capabilities }: Session,
  wire: Wire,
): Promise<void> {
  const headers = { ...jsonHeaders, ...session };
  const ping = (step: string, changed: Record<string, string | null>) =>
    recorder.ask(step, { rpc: 'ping', headers: changed }, wire);
  await tryUnknownNames(recorder, wire, capabilities);
  if ('logging' in capabilities) await recorder.ask('unknown log level', setLevel(UNKNOWN), wire);
  if (isObject(capabilities['resources']) && capabilities['resources']['subscribe'] === true)
    await recorder.ask('subscribe', { rpc: 'resources/subscribe', params: { uri: 'check:none' } }, wire);
  await tryBrokenBodies(recorder, headers);
  await ping('unknown version header', { 'mcp-protocol-version': '1900-01-01' });
  await ping('text body', { 'content-type': 'text/plain' });
  await ping('unacceptable form', { accept: 'image/png' });
  await ping('foreign origin', { origin: 'https://origin.invalid' });
  if (version !== FIRST_VERSION) return;
  const batch = ['a', 'b'].map((id) => ({ jsonrpc: '2.0', id, method: 'ping' }));
  await recorder.send({ step: 'batch', method: 'POST', headers, body: JSON.stringify(batch) });
}

/** Opens a second session with an unknown protocol version, and ends it. */
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
