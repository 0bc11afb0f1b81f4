import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { LATEST_LEGACY, LEGACY_VERSIONS } from '../../../gateway/protocol/versions.ts';
import { resultIn, type Transcript } from '../transcript/transcript.ts';
import {
  answersStatus,
  type Check,
  failed,
  type Judge,
  type Judgement,
  legacy,
  notApplicable,
  passed,
  step,
} from './check.ts';

const negotiation = legacy('basic/lifecycle#version-negotiation');

/** The handshake of the legacy era, and requests in its session. */
export const handshakeChecks: readonly Check[] = [
  {
    id: 'initialize_answered',
    spec: legacy('basic/lifecycle#initialization'),
    severity: 'critical',
    requires: 'initialize is answered with a result.',
    remedy: 'Answer initialize with the version, the capabilities and the name of the server.',
    judge: ({ opening }) =>
      resultIn(opening) ? passed() : failed('initialize had no result', { status: opening.answer?.status }),
  },
  {
    id: 'protocol_version_known',
    spec: negotiation,
    severity: 'critical',
    requires: 'The server chooses a version that the protocol has.',
    remedy: `Answer initialize with one of ${LEGACY_VERSIONS.join(', ')}.`,
    judge: ({ opening, version }: Transcript): Judgement => {
      if (!resultIn(opening)) return notApplicable('initialize was not answered');
      if (LEGACY_VERSIONS.includes(version)) return passed({ version });
      return failed(version === '' ? 'it named no version' : 'it named an unknown version');
    },
  },
  {
    id: 'protocol_version_current',
    spec: negotiation,
    severity: 'info',
    requires: `The server chooses ${LATEST_LEGACY}, the newest version of the era, if the client offers it.`,
    remedy: 'Use a newer version of the SDK that the server is built on.',
    judge: ({ version }: Transcript): Judgement => {
      if (!LEGACY_VERSIONS.includes(version)) return notApplicable('it chose no known version');
      return version === LATEST_LEGACY ? passed() : failed(`it speaks ${version}`, { version });
    },
  },
  {
    id: 'other_version_offered',
    spec: negotiation,
    severity: 'critical',
    requires: 'The server answers a version that it does not speak with a version that it speaks.',
    remedy:
      'Answer initialize with the newest version of the server if it does not know the version of the client.',
    judge: step('unknown version', ({ status }, exchanged) => {
      const offered = resultIn(exchanged)?.['protocolVersion'];
      if (offered === undefined) return failed('it offered none', { status });
      return offered === '1900-01-01' ? failed('it accepted an unknown version') : passed();
    }),
  },
  {
    id: 'initialized_accepted',
    spec: legacy('basic/transports#sending-messages-to-the-server'),
    severity: 'critical',
    requires: 'A notification is answered with HTTP 202 and no body.',
    remedy: 'Answer a message without an id with 202 and an empty body.',
    judge: step('initialized', ({ status, bytes }) =>
      status === 202 && bytes === 0
        ? passed()
        : failed(`notifications/initialized had HTTP ${status} and ${bytes} bytes`, { status, bytes }),
    ),
  },
  {
    id: 'ping_answered',
    spec: legacy('basic/utilities/ping#behavior-requirements'),
    severity: 'critical',
    requires: 'ping is answered with an empty result.',
    remedy: 'Answer ping with the result {}.',
    judge: step('ping', ({ status }, exchanged) => {
      const result = resultIn(exchanged);
      if (!result) return failed('ping had no result', { status });
      const keys = Object.keys(result).filter((key) => key !== '_meta').length;
      return keys === 0 ? passed() : failed('the result of ping is not empty', { keys });
    }),
  },
  {
    id: 'version_header_refused',
    spec: legacy('basic/transports#protocol-version-header'),
    since: '2025-06-18',
    severity: 'critical',
    requires: 'A header MCP-Protocol-Version that the server does not support is answered with HTTP 400.',
    remedy: 'Compare the header with the versions of the server before serving the request.',
    judge: answersStatus('unknown version header', 400),
  },
  {
    id: 'batch_answered',
    spec: { legacy: '2025-03-26/basic#batching' },
    until: '2025-03-26',
    severity: 'critical',
    requires: 'Each request of a batch gets its response.',
    remedy: 'Accept arrays of messages, or use 2025-06-18, which has no batches.',
    judge: step('batch', ({ status, messages }) => {
      const ids = messages.filter(isObject).map(({ id }) => id);
      return status < 300 && ids.includes('a') && ids.includes('b')
        ? passed()
        : failed('it did not answer both requests of a batch', { status });
    }),
  },
];

const sessions = legacy('basic/transports#session-management');
const MIN_LENGTH = 16;

const inSession =
  (judge: (id: string, transcript: Transcript) => Judgement): Judge =>
  (transcript) =>
    transcript.sessionId === undefined
      ? notApplicable('it keeps no sessions')
      : judge(transcript.sessionId, transcript);

/** Sessions and the GET stream of the legacy era. A session id is a secret, so no evidence holds one. */
export const sessionChecks: readonly Check[] = [
  {
    id: 'session_id_is_ascii',
    spec: sessions,
    severity: 'critical',
    requires: 'A session id holds visible ASCII characters only.',
    remedy: 'Build the id from letters, digits and punctuation without spaces, as in a UUID.',
    judge: inSession((id) =>
      /^[\x21-\x7e]+$/.test(id) ? passed() : failed('its id holds other characters', { length: id.length }),
    ),
  },
  {
    id: 'session_id_is_unguessable',
    spec: sessions,
    severity: 'warning',
    requires: 'A session id is unique and cannot be guessed.',
    remedy: 'Use at least 128 random bits: an attacker who guesses the id can take over the session.',
    judge: inSession((id, { steps }) => {
      const second = steps.get('unknown version')?.answer?.headers['mcp-session-id'];
      if (second === id) return failed('two sessions have the same id');
      return id.length >= MIN_LENGTH
        ? passed({ length: id.length })
        : failed(`its id has ${id.length} characters`, { length: id.length });
    }),
  },
  {
    id: 'session_is_required',
    spec: sessions,
    severity: 'warning',
    requires: 'A server with sessions answers a request without a session id with HTTP 400.',
    remedy: 'Refuse requests other than initialize that have no Mcp-Session-Id.',
    judge: answersStatus('no session', 400),
  },
  {
    id: 'session_can_be_ended',
    spec: sessions,
    severity: 'warning',
    requires: 'DELETE ends a session, or is answered with HTTP 405.',
    remedy: 'End the session on DELETE and answer 200 or 204, or answer 405 if clients may not end sessions.',
    judge: answersStatus('DELETE', 200, 202, 204, 405),
  },
  {
    id: 'ended_session_is_gone',
    spec: sessions,
    severity: 'critical',
    requires: 'A request in a session that has ended is answered with HTTP 404.',
    remedy: 'Delete the session when it ends: clients open a new session only after a 404.',
    judge: (transcript: Transcript): Judgement => {
      const ended = transcript.steps.get('DELETE')?.answer?.status;
      if (ended === undefined || ended >= 300) return notApplicable('the session was not ended');
      return answersStatus('ended session', 404)(transcript);
    },
  },
  {
    id: 'get_opens_stream',
    spec: legacy('basic/transports#listening-for-messages-from-the-server'),
    severity: 'critical',
    requires: 'GET opens an event stream, or is answered with HTTP 405.',
    remedy: 'Answer GET with 405 if the server never sends messages on its own.',
    judge: step('GET', ({ status, mediaType }) => {
      if (status === 405 || (status === 200 && mediaType === 'text/event-stream')) return passed({ status });
      return failed(`it answered HTTP ${status}`, { status, mediaType: mediaType.slice(0, 60) });
    }),
  },
];
