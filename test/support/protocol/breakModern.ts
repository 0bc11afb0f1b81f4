import {
  all,
  type Breakage,
  header,
  modern,
  on,
  onResult,
  put,
  refuse,
  secondTime,
  serve,
  status,
  whenBody,
  whenHeader,
} from './breakages.ts';
import { META, MODERN } from './offers.ts';
import type { Tamper } from './reply.ts';

const named = { [META('serverInfo')]: { name: 'a', version: '1' } };
const complete = { resultType: 'complete', _meta: named };
const discovered = {
  ...complete,
  supportedVersions: [MODERN],
  capabilities: {},
  ttlMs: 0,
  cacheScope: 'public',
};
const onDiscover = (change: Tamper): Tamper => onResult('server/discover', change);
const whenRefused =
  (code: number, change: Tamper): Tamper =>
  (reply, received) => {
    const error = reply.message?.['error'];
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === code)
      change(reply, received);
  };
const unknownVersion = (change: Tamper): Tamper => whenRefused(-32022, on('server/discover', change));
const notPosted =
  (method: string): Tamper =>
  (reply, received) => {
    if (received.method === method) reply.status = 404;
  };
const asksFor = (inputs: object): Tamper =>
  whenHeader(
    'mcp-name',
    'mreg-check-none',
    on('tools/call', serve({ ...complete, resultType: 'input_required', ...inputs })),
  );
const inputRequests = { who: { method: 'roots/list', params: {} } };

/** Discovery, request metadata and results of the 2026 era. */
export const modernBreakages: readonly Breakage[] = [
  modern('discover_answered', 'does not know server/discover', (reply, received) => {
    const fits = received.headers['mcp-method'] === received.rpc && reply.status === 200;
    if (received.rpc === 'server/discover' && fits && received.message?.['id'] === 'check-1')
      refuse(-32601, 404)(reply, received);
  }),
  modern('supported_versions_named', 'names no version', onDiscover(put('result.supportedVersions', []))),
  modern(
    'unknown_version_code',
    'has a code of its own for versions',
    unknownVersion(put('error.code', -31400)),
  ),
  modern('unknown_version_status', 'refuses a version with 200', unknownVersion(status(200))),
  modern('unknown_version_data', 'does not say what it speaks', unknownVersion(put('error.data', undefined))),
  modern('legacy_client_told', 'refuses initialize without a reason', on('initialize', refuse(-32601, 404))),
  modern(
    'server_named_in_results',
    'does not name itself in lists',
    onResult('tools/list', put(`result._meta`, undefined)),
  ),
  modern('removed_method_refused', 'still answers ping', on('ping', serve(complete))),
  modern('get_not_allowed', 'answers GET with 404', notPosted('GET')),
  modern('delete_not_allowed', 'answers DELETE with 404', notPosted('DELETE')),
  modern('no_session_minted', 'gives session ids', on('prompts/list', header('mcp-session-id', 'a'))),
  modern(
    'foreign_session_ignored',
    'refuses sessions that it did not give',
    whenHeader('mcp-session-id', 'mreg-check-none', refuse(-32600, 404)),
  ),
  modern(
    'notification_answered',
    'answers a notification with 200',
    on('notifications/cancelled', status(200)),
  ),

  modern('meta_required', 'serves requests that say nothing of themselves', (reply, received) => {
    if (received.rpc === 'server/discover' && !received.body.includes('_meta'))
      serve(discovered)(reply, received);
  }),
  modern(
    'client_capabilities_required',
    'serves clients that tell no capabilities',
    on('server/discover', (reply, received) => {
      const isIncomplete = received.body.includes('_meta') && !received.body.includes('clientCapabilities');
      if (isIncomplete) serve(discovered)(reply, received);
    }),
  ),
  modern(
    'client_capabilities_status',
    'refuses incomplete requests with 200',
    on('server/discover', (reply, received) => {
      const isIncomplete = received.body.includes('_meta') && !received.body.includes('clientCapabilities');
      if (isIncomplete) reply.status = 200;
    }),
  ),
  modern(
    'version_header_compared',
    'does not look at the version header',
    whenHeader('mcp-protocol-version', '2025-11-25', on('server/discover', serve(discovered))),
  ),
  modern(
    'version_header_required',
    'takes requests without a version header',
    whenHeader('mcp-protocol-version', undefined, on('server/discover', serve(discovered))),
  ),
  modern(
    'method_header_compared',
    'does not look at the method header',
    whenHeader('mcp-method', 'tools/list', on('server/discover', serve(discovered))),
  ),
  modern(
    'method_header_required',
    'takes requests without a method header',
    whenHeader('mcp-method', undefined, on('server/discover', serve(discovered))),
  ),
  modern(
    'name_header_compared',
    'does not look at the name header',
    whenHeader('mcp-name', 'mreg-check-none-other', refuse(-32602)),
  ),
  modern(
    'name_header_required',
    'takes calls without a name header',
    whenHeader('mcp-name', undefined, on('tools/call', refuse(-32602))),
  ),
  modern('name_header_decoded', 'takes encoded names as they are', (reply, received) => {
    if (String(received.headers['mcp-name']).startsWith('=?')) refuse(-32020, 400)(reply, received);
  }),
  modern('header_mismatch_status', 'refuses wrong headers with 200', whenRefused(-32020, status(200))),

  modern(
    'result_type_told',
    'leaves the type of results out',
    onResult('prompts/list', put('result.resultType', undefined)),
  ),
  modern(
    'result_type_known',
    'has a type of results of its own',
    onResult('prompts/list', put('result.resultType', 'task')),
  ),
  modern(
    'input_asked_where_allowed',
    'asks for input before it lists',
    onResult(
      'prompts/list',
      all(put('result.resultType', 'input_required'), put('result.requestState', 'a')),
    ),
  ),
  modern('input_asked_of_capable', 'asks whoever calls', asksFor({ inputRequests })),
  modern('input_request_shape', 'asks for input, and not for what', asksFor({})),
  modern(
    'cache_time_told',
    'does not say how long lists hold',
    onResult('tools/list', put('result.ttlMs', undefined)),
  ),
  modern(
    'cache_time_told',
    'lets the discovery hold for less than no time',
    onDiscover(put('result.ttlMs', -1)),
  ),
  modern(
    'cache_scope_told',
    'shares with a scope that there is not',
    onResult('tools/list', put('result.cacheScope', 'shared')),
  ),
  modern(
    'order_is_stable',
    'lists in another order each time',
    secondTime('tools/list', ({ message }) => {
      const result = message?.['result'];
      if (typeof result === 'object' && result !== null && 'tools' in result && Array.isArray(result.tools))
        result.tools.reverse();
    }),
  ),
  modern(
    'extension_names',
    'names an extension without a prefix',
    onDiscover(put('result.capabilities.extensions', { shelves: {} })),
  ),
  modern(
    'listening_acknowledged',
    'says nothing to whoever listens before there is news',
    on('subscriptions/listen', put('method', 'notifications/tools/list_changed')),
  ),
  modern(
    'listening_is_tagged',
    'does not say to which request it belongs',
    on('subscriptions/listen', put('params._meta', {})),
  ),
  modern(
    'parameter_headers_valid',
    'puts a parameter header on an object',
    onResult('tools/list', put('result.tools.0.inputSchema.properties.number.type', 'object')),
  ),
  modern(
    'unknown_method_status',
    'refuses unknown methods with 200',
    on('mreg-check-none/none', status(200)),
  ),
  modern('unknown_resource_code', 'uses a code of its own', on('resources/read', refuse(-32603))),
  modern(
    'reserved_codes_unused',
    'uses a code that is kept for MCP',
    on('completion/complete', put('error.code', -32050)),
  ),
  modern('retired_codes_unused', 'uses a code of an earlier version', on('resources/read', refuse(-32002))),
  modern(
    'old_server_codes_unused',
    'uses a code of old servers',
    on('completion/complete', put('error.code', -32001)),
  ),
  modern(
    'unknown_prompt_code',
    'has no error for prompts',
    on('prompts/get', serve({ ...complete, messages: [] })),
  ),
  modern(
    'unknown_version_code',
    'serves any version',
    whenBody('1900-01-01', whenRefused(-32022, refuse(-32603, 400))),
  ),
];
