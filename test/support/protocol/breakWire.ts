import {
  before,
  type Breakage,
  header,
  inBoth,
  legacy,
  modern,
  on,
  onResult,
  put,
  raw,
  secondTime,
  set,
  status,
  streamed,
} from './breakages.ts';
import type { Tamper } from './reply.ts';

const onTools = (change: Tamper): Tamper => onResult('tools/list', change);
const asEvent = (message: string): string => `data: ${message}\n\n`;
const isListening = (rpc: string): boolean => rpc === 'subscriptions/listen';

/** HTTP, JSON-RPC and event streams, which both eras have. */
export const wireBreakages: readonly Breakage[] = [
  ...inBoth('answers_in_time', 'never answers one of the lists', on('prompts/list', set({ silent: true }))),
  ...inBoth('answer_content_type', 'sends JSON as text', onTools(header('content-type', 'text/plain'))),
  ...inBoth('answer_is_one_object', 'sends an array', onTools(raw((message) => `[${message}]`))),
  ...inBoth(
    'answer_is_one_object',
    'sends no JSON',
    on(
      'completion/complete',
      raw(() => '<html>'),
    ),
  ),
  ...inBoth(
    'answer_in_utf8',
    'sends Latin-1',
    onTools((reply, received) => {
      put('result.tools.0.description', 'Gr\u00f6\u00dfe')(reply, received);
      reply.raw = Buffer.from(JSON.stringify(reply.message), 'latin1');
    }),
  ),
  ...inBoth(
    'request_has_one_response',
    'answers twice',
    onTools(raw((message) => asEvent(message) + asEvent(message))),
  ).map(streamed),
  ...inBoth(
    'request_has_one_response',
    'answers nothing',
    on(
      'completion/complete',
      raw(() => ''),
    ),
  ),
  ...inBoth('result_status_is_200', 'sends a result with 201', onTools(status(201))),

  ...inBoth('jsonrpc_version', 'leaves "jsonrpc" out', onTools(put('jsonrpc', undefined))),
  ...inBoth('string_id_echoed', 'takes strings for no ids', (reply, received) => {
    const isString = typeof received.message?.['id'] === 'string';
    if (isString && reply.status < 400 && !isListening(received.rpc)) put('id', null)(reply, received);
  }),
  ...inBoth('integer_id_echoed', 'turns numbers into text', (reply, received) => {
    const id = received.message?.['id'];
    if (typeof id === 'number' && id > 0 && !isListening(received.rpc))
      put('id', String(id))(reply, received);
  }),
  legacy('zero_id_echoed', 'takes the id 0 for none', (reply, received) => {
    if (received.message?.['id'] === 0) put('id', null)(reply, received);
  }),
  ...inBoth(
    'result_or_error',
    'sends an error beside a result',
    onTools(put('error', { code: -32603, message: 'x' })),
  ),
  legacy('result_is_object', 'sends true as a result', on('resources/subscribe', put('result', true))),
  modern('result_is_object', 'sends true as a result', secondTime('tools/list', put('result', true))),
  ...inBoth(
    'error_code_is_integer',
    'sends the code as text',
    on('completion/complete', put('error.code', 'x')),
  ),
  ...inBoth(
    'error_has_message',
    'sends an error without words',
    on('completion/complete', put('error.message', undefined)),
  ),

  ...inBoth(
    'event_is_json',
    'sends an event that is text',
    onTools(raw((message) => asEvent('x') + asEvent(message))),
  ).map(streamed),
  ...inBoth(
    'event_type_is_message',
    'gives events a type of its own',
    onTools(raw((message) => `event: answer\n${asEvent(message)}`)),
  ).map(streamed),
  ...inBoth(
    'event_fields_known',
    'writes a field that event streams do not have',
    onTools(raw((message) => `payload: x\n${asEvent(message)}`)),
  ).map(streamed),
  ...inBoth(
    'stream_ends_with_response',
    'leaves the stream open',
    on('prompts/list', set({ open: true })),
  ).map(streamed),
  streamed(
    modern(
      'stream_is_unbuffered',
      'lets proxies hold events back',
      onTools(header('x-accel-buffering', 'yes')),
    ),
  ),
  ...inBoth(
    'no_requests_to_client',
    'asks a client that can answer nothing',
    onTools(before({ id: 'ask', method: 'sampling/createMessage', params: {} })),
  ).map(streamed),
  ...inBoth(
    'no_progress_unasked',
    'tells progress that nobody wanted',
    onTools(before({ method: 'notifications/progress', params: { progressToken: 1, progress: 1 } })),
  ).map(streamed),
  streamed(
    modern(
      'no_log_unasked',
      'sends log messages that nobody wanted',
      onTools(before({ method: 'notifications/message', params: { level: 'info', data: 'x' } })),
    ),
  ),
];
