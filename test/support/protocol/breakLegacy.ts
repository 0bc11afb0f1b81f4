import { randomUUID } from 'node:crypto';
import {
  all,
  type Breakage,
  header,
  legacy,
  on,
  put,
  raw,
  refuse,
  serve,
  set,
  status,
  whenBody,
  whenHeader,
} from './breakages.ts';
import type { Reply, Tamper } from './reply.ts';

const FIRST = '"protocolVersion":"2025-11-25"';
const onFirst = (change: Tamper): Tamper => on('initialize', whenBody(FIRST, change));
const whenMethod =
  (method: string, change: Tamper): Tamper =>
  (reply, received) => {
    if (received.method === method) change(reply, received);
  };
const untouched: Tamper = () => undefined;
let sessions = 0;
const gone = ({ status: code }: Reply): boolean => code === 404;

/** The handshake and the sessions of the 2025 era. */
export const legacyBreakages: readonly Breakage[] = [
  legacy('initialize_answered', 'refuses the handshake', on('initialize', refuse(-32603))),
  legacy(
    'protocol_version_known',
    'names a version that is none',
    onFirst(put('result.protocolVersion', 2025)),
  ),
  legacy(
    'protocol_version_current',
    'speaks an older version',
    on('initialize', put('result.protocolVersion', '2025-06-18')),
  ),
  legacy(
    'other_version_offered',
    'agrees to any version',
    on('initialize', whenBody('1900-01-01', put('result.protocolVersion', '1900-01-01'))),
  ),
  legacy(
    'other_version_offered',
    'refuses versions that it does not know',
    on('initialize', whenBody('1900-01-01', refuse(-32602, 400))),
  ),
  legacy(
    'initialized_accepted',
    'answers a notification with 200',
    on('notifications/initialized', status(200)),
  ),
  legacy(
    'initialized_accepted',
    'answers a notification with a body',
    on(
      'notifications/initialized',
      raw(() => 'accepted'),
    ),
  ),
  legacy('ping_answered', 'does not know ping', (reply, received) => {
    if (received.message?.['id'] === 0) refuse(-32601)(reply, received);
  }),
  legacy('ping_answered', 'answers ping with news', on('ping', put('result.status', 'up'))),
  legacy(
    'version_header_refused',
    'serves any version',
    whenHeader('mcp-protocol-version', '1900-01-01', serve({})),
  ),
  {
    ...legacy(
      'batch_answered',
      'speaks 2025-03-26 without batches',
      on('initialize', put('result.protocolVersion', '2025-03-26')),
    ),
    also: ['protocol_version_current'],
  },

  {
    ...legacy('session_id_is_unguessable', 'counts its sessions', untouched),
    newSession: () => `s${(sessions += 1)}`,
  },
  {
    ...legacy('session_id_is_ascii', 'has a space in its ids', untouched),
    newSession: () => `session ${randomUUID()}`,
  },
  legacy('session_is_required', 'serves requests without a session', (reply, received) => {
    if (received.rpc === 'ping' && reply.status === 400 && !('mcp-session-id' in received.headers))
      serve({})(reply, received);
  }),
  legacy('session_can_be_ended', 'fails when a session is ended', whenMethod('DELETE', status(501))),
  legacy('ended_session_is_gone', 'goes on with a session that has ended', (reply, received) => {
    if (received.rpc === 'ping' && gone(reply)) serve({})(reply, received);
  }),
  legacy(
    'get_opens_stream',
    'has a web page at its address',
    whenMethod('GET', all(header('content-type', 'text/html'), set({ open: false }))),
  ),
  legacy('logging_served', 'declares logging, and takes no level', on('logging/setLevel', refuse(-32602))),
  legacy('unknown_log_level_code', 'takes levels that there are not', on('logging/setLevel', serve({}))),
  legacy(
    'subscriptions_served',
    'declares subscriptions without the method',
    on('resources/subscribe', refuse(-32601)),
  ),
  legacy('unknown_resource_code', 'uses a code of its own', on('resources/read', refuse(-32603))),
];
