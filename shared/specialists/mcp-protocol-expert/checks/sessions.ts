import { type Check, failed, notApplicable, passed, type Judgement } from './check.ts';
import { statusOf, step } from './look.ts';
import type { Transcript } from '../transcript/transcript.ts';

const spec = { legacy: '2025-11-25/basic/transports#session-management' };
const MIN_LENGTH = 16;

const inSession = ({ sessionId }: Transcript, judge: (id: string) => Judgement): Judgement =>
  sessionId === undefined ? notApplicable('it keeps no sessions') : judge(sessionId);

/** Sessions and the stream of the legacy era. A session id is a secret: no evidence holds one. */
export const sessionChecks: readonly Check[] = [
  {
    id: 'session_id_is_ascii',
    spec,
    severity: 'critical',
    requires: 'A session id holds visible ASCII characters only.',
    remedy: 'Make the id of letters, digits and signs without spaces, as a UUID is.',
    judge: (transcript) =>
      inSession(transcript, (id) =>
        /^[\x21-\x7e]+$/.test(id) ? passed() : failed('its id holds other characters', { length: id.length }),
      ),
  },
  {
    id: 'session_id_is_unguessable',
    spec,
    severity: 'warning',
    requires: 'A session id is unique and cannot be guessed.',
    remedy: 'Make the id of at least 128 random bits: whoever guesses it takes the session over.',
    judge: (transcript) =>
      inSession(transcript, (id) => {
        const second = transcript.steps.get('unknown version')?.answer?.headers['mcp-session-id'];
        if (second === id) return failed('two sessions have the same id');
        return id.length >= MIN_LENGTH
          ? passed({ length: id.length })
          : failed(`its id has ${id.length} characters`, { length: id.length });
      }),
  },
  {
    id: 'session_is_required',
    spec,
    severity: 'warning',
    requires: 'A server with sessions answers a request without a session id with HTTP 400.',
    remedy: 'Refuse requests other than initialize that have no Mcp-Session-Id.',
    judge: (transcript) => statusOf(transcript, 'no session', 400),
  },
  {
    id: 'session_can_be_ended',
    spec,
    severity: 'warning',
    requires: 'DELETE ends a session, or is answered with HTTP 405.',
    remedy:
      'End the session on DELETE and answer 200 or 204, or answer 405 where clients may not end sessions.',
    judge: (transcript) => statusOf(transcript, 'DELETE', 200, 202, 204, 405),
  },
  {
    id: 'ended_session_is_gone',
    spec,
    severity: 'critical',
    requires: 'A request in a session that has ended is answered with HTTP 404.',
    remedy: 'Forget the session once it has ended: clients begin a new one only when they see 404.',
    judge: (transcript: Transcript): Judgement => {
      const ended = transcript.steps.get('DELETE')?.answer?.status;
      if (ended === undefined || ended >= 300) return notApplicable('the session was not ended');
      return statusOf(transcript, 'ended session', 404);
    },
  },
  {
    id: 'get_opens_stream',
    spec: { legacy: '2025-11-25/basic/transports#listening-for-messages-from-the-server' },
    severity: 'critical',
    requires: 'GET opens an event stream, or is answered with HTTP 405.',
    remedy: 'Answer GET with 405 where the server has nothing to say unasked.',
    judge: (transcript) =>
      step(transcript, 'GET', ({ status, mediaType }) => {
        if (status === 405 || (status === 200 && mediaType === 'text/event-stream'))
          return passed({ status });
        return failed(`it answered HTTP ${status}`, { status, mediaType: mediaType.slice(0, 60) });
      }),
  },
];
