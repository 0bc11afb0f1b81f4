import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { LATEST_LEGACY, LEGACY_VERSIONS } from '../../../gateway/protocol/versions.ts';
import { resultIn, type Transcript } from '../transcript/transcript.ts';
import { type Check, type Judgement, failed, notApplicable, passed } from './check.ts';
import { step } from './look.ts';

const known = [...LEGACY_VERSIONS, '2024-11-05'];
const negotiation = { legacy: '2025-11-25/basic/lifecycle#version-negotiation' };

/** The handshake of the legacy era, and what holds in its session. */
export const handshakeChecks: readonly Check[] = [
  {
    id: 'initialize_answered',
    spec: { legacy: '2025-11-25/basic/lifecycle#initialization' },
    severity: 'critical',
    requires: 'initialize is answered with a result.',
    remedy: 'Answer initialize with the version, the capabilities and the name of the server.',
    judge: ({ opening }) =>
      resultIn(opening)
        ? passed()
        : failed('initialize came to no result', { status: opening.answer?.status }),
  },
  {
    id: 'protocol_version_known',
    spec: negotiation,
    severity: 'critical',
    requires: 'The version that is agreed on is one of the protocol.',
    remedy: `Answer initialize with one of ${known.join(', ')}.`,
    judge: ({ opening, version }: Transcript): Judgement => {
      if (!resultIn(opening)) return notApplicable('initialize was not answered');
      if (known.includes(version)) return passed({ version });
      return failed(version === '' ? 'it named no version' : 'it named a version that there is not');
    },
  },
  {
    id: 'protocol_version_current',
    spec: negotiation,
    severity: 'info',
    requires: `The newest version of the era, ${LATEST_LEGACY}, is spoken where the client offers it.`,
    remedy: 'Take a newer version of the SDK that the server is built on.',
    judge: ({ version }: Transcript): Judgement => {
      if (!known.includes(version)) return notApplicable('no known version was agreed on');
      return version === LATEST_LEGACY ? passed() : failed(`it speaks ${version}`, { version });
    },
  },
  {
    id: 'other_version_offered',
    spec: negotiation,
    severity: 'critical',
    requires: 'A version that the server does not speak is answered with one that it does.',
    remedy:
      'Answer initialize with the newest version of the server where it does not know that of the client.',
    judge: (transcript) =>
      step(transcript, 'unknown version', ({ status }, exchanged) => {
        const offered = resultIn(exchanged)?.['protocolVersion'];
        if (offered === undefined) return failed('it offered none', { status });
        return offered === '1900-01-01' ? failed('it agreed to a version that there is not') : passed();
      }),
  },
  {
    id: 'initialized_accepted',
    spec: { legacy: '2025-11-25/basic/transports#sending-messages-to-the-server' },
    severity: 'critical',
    requires: 'A notification is answered with HTTP 202 and no body.',
    remedy: 'Answer a message without an id with 202 and an empty body.',
    judge: (transcript) =>
      step(transcript, 'initialized', ({ status, bytes }) =>
        status === 202 && bytes === 0
          ? passed()
          : failed(`notifications/initialized had HTTP ${status} and ${bytes} bytes`, { status, bytes }),
      ),
  },
  {
    id: 'ping_answered',
    spec: { legacy: '2025-11-25/basic/utilities/ping#behavior-requirements' },
    severity: 'critical',
    requires: 'ping is answered with an empty result.',
    remedy: 'Answer ping with the result {}.',
    judge: (transcript) =>
      step(transcript, 'ping', ({ status }, exchanged) => {
        const result = resultIn(exchanged);
        if (!result) return failed('ping came to no result', { status });
        const keys = Object.keys(result).filter((key) => key !== '_meta').length;
        return keys === 0 ? passed() : failed('the result of ping is not empty', { keys });
      }),
  },
  {
    id: 'version_header_refused',
    spec: { legacy: '2025-11-25/basic/transports#protocol-version-header' },
    since: '2025-06-18',
    severity: 'critical',
    requires: 'A header MCP-Protocol-Version that the server does not support is answered with HTTP 400.',
    remedy: 'Compare the header with the versions that the server speaks before the request is served.',
    judge: (transcript) =>
      step(transcript, 'unknown version header', ({ status }) =>
        status === 400 ? passed() : failed(`it answered HTTP ${status}`, { status }),
      ),
  },
  {
    id: 'batch_answered',
    spec: { legacy: '2025-03-26/basic#batching' },
    until: '2025-03-26',
    severity: 'critical',
    requires: 'A batch of requests is answered, each with its response.',
    remedy: 'Take arrays of messages, or speak 2025-06-18, which has no batches any more.',
    judge: (transcript) =>
      step(transcript, 'batch', ({ status, messages }) => {
        const ids = messages.filter(isObject).map(({ id }) => id);
        return status < 300 && ids.includes('a') && ids.includes('b')
          ? passed()
          : failed('it did not answer both requests of a batch', { status });
      }),
  },
];
