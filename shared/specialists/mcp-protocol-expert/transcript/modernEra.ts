import { META } from '../../../gateway/protocol/envelope.ts';
import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import { encodeHeaderValue, NAMED_BY } from '../../../gateway/protocol/parameterHeaders.ts';
import { FIRST_MODERN, LATEST_LEGACY, MODERN_VERSIONS } from '../../../gateway/protocol/versions.ts';
import { ownEnvelopeFor } from '../../../gateway/upstream/modern.ts';
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

const ownEnvelope = ownEnvelopeFor(FIRST_MODERN);

const wire: Wire = {
  headersOf(rpc, params) {
    const name = params[NAMED_BY.get(rpc) ?? ''];
    return {
      'mcp-protocol-version': FIRST_MODERN,
      'mcp-method': rpc,
      ...(typeof name === 'string' && { 'mcp-name': encodeHeaderValue(name) }),
    };
  },
  paramsOf: (params) => ({ ...params, _meta: { ...ownEnvelope, 'com.example/check': true } }),
};

/** Sends a request with another `_meta`, or with none. */
const withMeta = (meta: JsonObject | undefined): Wire => ({
  ...wire,
  paramsOf: (params) => (meta ? { ...params, _meta: meta } : params),
});

/** Versions whose requests stand alone (2026-07-28, basic). */
export const modernEra: EraRecorder = {
  open: (recorder) => recorder.ask('server/discover', { rpc: 'server/discover' }, wire),
  isOpen(opening) {
    const versions = resultIn(opening)?.['supportedVersions'];
    return Array.isArray(versions) && versions.some((version) => MODERN_VERSIONS.includes(String(version)));
  },
  record,
};

async function record(recorder: Recorder, opening: Exchanged, scope: Scope): Promise<Transcript> {
  const profile = resultIn(opening) ?? {};
  const capabilities = isObject(profile['capabilities']) ? profile['capabilities'] : {};
  if (scope === 'timing') await recordTimes(recorder, 'server/discover', wire);
  const lists = scope === 'timing' ? noLists : await recordLists(recorder, wire);
  if (scope === 'gentle' || scope === 'thorough')
    await recorder.ask('list tools again', { rpc: 'tools/list' }, wire);
  if (scope === 'thorough') {
    await tryUnknownNames(recorder, wire, capabilities);
    await tryEnvelopes(recorder);
    await tryHeaders(recorder, 'tools' in capabilities);
    await tryTransport(recorder);
  }
  if (scope !== 'lists') await tryListening(recorder, capabilities);
  return {
    era: 'modern',
    version: FIRST_MODERN,
    opening,
    profile,
    capabilities,
    sessionId: undefined,
    lists,
    steps: recorder.steps,
    interrupted: recorder.interrupted(),
  };
}

async function tryListening(recorder: Recorder, capabilities: JsonObject): Promise<void> {
  const declared = Object.values(capabilities).filter(isObject);
  if (!declared.some(({ listChanged }) => listChanged === true)) return;
  const params = {
    notifications: { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true },
  };
  await recorder.ask('listen', { rpc: 'subscriptions/listen', params, until: 'event' }, wire);
}

async function tryEnvelopes(recorder: Recorder): Promise<void> {
  const { [META.clientCapabilities]: _left, ...incapable } = ownEnvelope;
  const discover = { rpc: 'server/discover' } as const;
  await recorder.ask('no _meta', discover, withMeta(undefined));
  await recorder.ask('no client capabilities', discover, withMeta(incapable));
  await recorder.ask(
    'unknown version',
    { ...discover, headers: { 'mcp-protocol-version': '1900-01-01' } },
    withMeta({ ...ownEnvelope, [META.protocolVersion]: '1900-01-01' }),
  );
  await recorder.ask('removed method', { rpc: 'ping' }, wire);
  const { [META.protocolVersion]: _version, ...legacy } = ownEnvelope;
  const hello = { protocolVersion: LATEST_LEGACY, capabilities: {}, clientInfo: legacy[META.clientInfo] };
  await recorder.ask(
    'initialize',
    { rpc: 'initialize', params: hello },
    { headersOf: () => ({}), paramsOf: (params) => params },
  );
}

const discoverWith =
  (recorder: Recorder) =>
  (step: string, headers: Readonly<Record<string, string | null>>): Promise<Exchanged | undefined> =>
    recorder.ask(step, { rpc: 'server/discover', headers }, wire);

async function tryHeaders(recorder: Recorder, hasTools: boolean): Promise<void> {
  const discover = discoverWith(recorder);
  await discover('other version in the header', { 'mcp-protocol-version': LATEST_LEGACY });
  await discover('no version header', { 'mcp-protocol-version': null });
  await discover('other method in the header', { 'mcp-method': 'tools/list' });
  await discover('no method header', { 'mcp-method': null });
  if (!hasTools) return;
  const call = (step: string, name: string, header: string | null) =>
    recorder.ask(
      step,
      { rpc: 'tools/call', params: { name, arguments: {} }, headers: { 'mcp-name': header } },
      wire,
    );
  await call('other name in the header', UNKNOWN, `${UNKNOWN}-other`);
  await call('no name header', UNKNOWN, null);
  const encoded = `=?base64?${Buffer.from(UNKNOWN).toString('base64')}?=`;
  await call('encoded name in the header', UNKNOWN, encoded);
}

async function tryTransport(recorder: Recorder): Promise<void> {
  const discover = discoverWith(recorder);
  const headers = { ...jsonHeaders, ...wire.headersOf('server/discover', {}) };
  const notification = {
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: UNKNOWN, _meta: ownEnvelope },
  };
  await recorder.send({
    step: 'notification',
    method: 'POST',
    headers: { ...headers, 'mcp-method': notification.method },
    body: JSON.stringify(notification),
    rpc: notification.method,
  });
  await tryBrokenBodies(recorder, headers);
  await discover('text body', { 'content-type': 'text/plain' });
  await discover('unacceptable form', { accept: 'image/png' });
  await discover('foreign origin', { origin: 'https://origin.invalid' });
  await discover('session of another era', { 'mcp-session-id': UNKNOWN });
  const version = { 'mcp-protocol-version': FIRST_MODERN };
  const listen = { accept: 'text/event-stream', ...version };
  await recorder.send({ step: 'GET', method: 'GET', headers: listen }, 'head');
  await recorder.send({ step: 'DELETE', method: 'DELETE', headers: version });
}
