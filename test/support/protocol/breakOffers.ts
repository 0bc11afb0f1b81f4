import {
  all,
  type Breakage,
  inBoth,
  legacy,
  modern,
  on,
  onResult,
  put,
  refuse,
  serve,
  whenBody,
  whenHeader,
} from './breakages.ts';
import { META } from './offers.ts';
import type { Tamper } from './reply.ts';

const onTool = (path: string, value: unknown): Tamper =>
  onResult('tools/list', put(`result.tools.0.${path}`, value));
const onPrompt = (path: string, value: unknown): Tamper =>
  onResult('prompts/list', put(`result.prompts.0.${path}`, value));
const onResource = (path: string, value: unknown): Tamper =>
  onResult('resources/list', put(`result.resources.0.${path}`, value));
const onTemplate = (path: string, value: unknown): Tamper =>
  onResult('resources/templates/list', put(`result.resourceTemplates.0.${path}`, value));
const onOpening = (path: string, value: unknown): Tamper =>
  all(onResult('initialize', put(path, value)), onResult('server/discover', put(path, value)));
const firstPage = (change: Tamper): Tamper =>
  onResult('tools/list', (reply, received) => {
    if (!received.body.includes('"cursor"')) change(reply, received);
  });
const done = { resultType: 'complete', _meta: { [META('serverInfo')]: { name: 'a', version: '1' } } };
const UNKNOWN = 'mreg-check-none';

/** What a server offers and says of itself, and how it refuses, in either era. */
export const offerBreakages: readonly Breakage[] = [
  ...inBoth('capabilities_told', 'tells no capabilities', onOpening('result.capabilities', undefined)),
  ...inBoth(
    'capability_is_object',
    'declares a capability as true',
    onOpening('result.capabilities.completions', true),
  ),
  ...inBoth(
    'capability_flags_are_boolean',
    'writes a flag as text',
    onOpening('result.capabilities.tools.listChanged', 'yes'),
  ),
  ...inBoth(
    'declared_lists_answered',
    'declares prompts, and lists none',
    on('prompts/list', refuse(-32602)),
  ),
  ...inBoth(
    'offers_are_declared',
    'lists prompts that it does not declare',
    onOpening('result.capabilities.prompts', undefined),
  ),
  ...inBoth(
    'completions_served',
    'declares completions without the method',
    on('completion/complete', refuse(-32601)),
  ),

  ...inBoth(
    'list_is_array',
    'lists prompts as an object',
    onResult('prompts/list', put('result.prompts', {})),
  ),
  ...inBoth(
    'cursor_is_string',
    'ends a list with null',
    onResult('prompts/list', put('result.nextCursor', null)),
  ),
  ...inBoth(
    'pages_come_to_an_end',
    'gives one cursor again and again',
    on('prompts/list', (reply, received) => {
      if (received.body.includes('"cursor"'))
        serve({ ...done, ttlMs: 0, cacheScope: 'public', prompts: [] })(reply, received);
      put('result.nextCursor', 'again')(reply, received);
    }),
  ),
  ...inBoth(
    'unknown_cursor_code',
    'starts again at an unknown cursor',
    on(
      'tools/list',
      whenBody(
        `"cursor":"${UNKNOWN}"`,
        serve({
          ...done,
          ttlMs: 0,
          cacheScope: 'public',
          tools: [],
        }),
      ),
    ),
  ),

  ...inBoth('tool_has_name', 'lists a tool without a name', onTool('name', undefined)),
  ...inBoth(
    'tool_name_length',
    'has a name of 129 letters',
    firstPage(put('result.tools.0.name', 'a'.repeat(129))),
  ),
  ...inBoth(
    'tool_name_characters',
    'has a space in a name',
    firstPage(put('result.tools.0.name', 'find item')),
  ),
  ...inBoth('tool_names_unique', 'has one name twice', firstPage(put('result.tools.1.name', 'find_item'))),
  ...inBoth('tool_is_described', 'does not describe a tool', onTool('description', undefined)),
  ...inBoth('input_schema_is_object', 'has null for a schema', onTool('inputSchema', null)),
  legacy('output_schema_is_object', 'puts out an array', onTool('outputSchema', { type: 'array' })),
  modern('output_schema_is_object', 'has a text for a schema', onTool('outputSchema', 'object')),
  ...inBoth(
    'schemas_are_valid',
    'names a type that there is not',
    onTool('inputSchema.properties.other', { type: 'text' }),
  ),
  ...inBoth('schemas_are_valid', 'requires what is no list', onTool('inputSchema.required', 'number')),
  ...inBoth(
    'schemas_stand_alone',
    'refers to another server',
    onTool('inputSchema.properties.other', {
      $ref: 'https://schemas.example/item.json',
    }),
  ),
  ...inBoth('tool_hints_are_boolean', 'writes a hint as text', onTool('annotations.readOnlyHint', 'true')),
  legacy(
    'task_support_known',
    'supports tasks in a way of its own',
    onTool('execution', { taskSupport: 'maybe' }),
  ),

  ...inBoth('item_texts_are_strings', 'has null for a description', onPrompt('description', null)),
  ...inBoth('prompt_has_name', 'lists a prompt without a name', onPrompt('name', undefined)),
  ...inBoth('prompt_names_unique', 'has one name twice', onPrompt('name', 'leave')),
  ...inBoth('prompt_arguments_shape', 'lists arguments as an object', onPrompt('arguments', { who: true })),
  ...inBoth('resource_has_uri', 'has a path for a URI', onResource('uri', '/rules.md')),
  ...inBoth('resource_has_name', 'lists a resource without a name', onResource('name', undefined)),
  ...inBoth('resource_uris_unique', 'has one URI twice', onResource('uri', 'stock:shelves')),
  ...inBoth('resource_size_is_count', 'writes a size in words', onResource('size', '2 KiB')),
  ...inBoth('resource_annotations_shape', 'has a priority of 10', onResource('annotations.priority', 10)),
  ...inBoth(
    'template_is_uri_template',
    'leaves a brace open',
    onTemplate('uriTemplate', 'stock:items/{number'),
  ),
  ...inBoth('template_has_name', 'lists a template without a name', onTemplate('name', undefined)),

  legacy('server_info_shape', 'has no version', onOpening('result.serverInfo.version', undefined)),
  modern(
    'server_info_shape',
    'has no version',
    onOpening(`result._meta`, { [META('serverInfo')]: { name: 'a' } }),
  ),
  ...inBoth('instructions_are_text', 'instructs with a list', onOpening('result.instructions', ['Ask.'])),
  legacy('meta_is_object', 'has a text for _meta', onTool('_meta', 'stock')),
  modern('meta_is_object', 'has a text for _meta', onTool('_meta', 'stock')),
  ...inBoth('meta_key_form', 'has a key with a space', onTool('_meta', { 'stock team': 1 })),
  ...inBoth(
    'meta_keys_not_taken',
    'takes a key of MCP',
    onTool('_meta', { 'io.modelcontextprotocol/stock': 1 }),
  ),
  ...inBoth('icon_has_source', 'has an icon without an image', onTool('icons', [{ sizes: ['any'] }])),
  ...inBoth(
    'icon_source_is_safe',
    'has a script for an icon',
    onTool('icons', [{ src: 'javascript:alert(1)' }]),
  ),
  ...inBoth(
    'icon_details_shape',
    'writes sizes as text',
    onTool('icons', [{ src: 'https://a.example/', sizes: '48x48' }]),
  ),

  ...inBoth(
    'unknown_method_code',
    'takes unknown methods for wrong ones',
    on(`${UNKNOWN}/none`, refuse(-32600, 404)),
  ),
  ...inBoth('broken_json_refused', 'takes half a message', (reply, received) => {
    if (received.body === '{"jsonrpc":')
      Object.assign(reply, { status: 202, headers: {}, message: undefined });
  }),
  ...inBoth('broken_json_code', 'has a code of its own for broken JSON', (reply, received) => {
    if (received.body === '{"jsonrpc":') refuse(-32603, 400)(reply, received);
  }),
  ...inBoth('no_message_refused', 'takes what is no message', (reply, received) => {
    if (received.body.includes('"hello"'))
      Object.assign(reply, { status: 202, headers: {}, message: undefined });
  }),
  legacy('unknown_tool_refused', 'calls tools that there are not', on('tools/call', serve({ content: [] }))),
  modern(
    'unknown_tool_refused',
    'calls tools that there are not',
    whenHeader(
      'mcp-name',
      UNKNOWN,
      on(
        'tools/call',
        serve({
          ...done,
          content: [],
        }),
      ),
    ),
  ),
  ...inBoth(
    'unknown_tool_code',
    'has a code of its own for tools',
    on('tools/call', (reply, received) => {
      if (received.headers['mcp-name'] === undefined || received.headers['mcp-name'] === UNKNOWN)
        if (reply.status === 200) refuse(-32603)(reply, received);
    }),
  ),
  legacy('unknown_prompt_code', 'has a code of its own for prompts', on('prompts/get', refuse(-32603))),

  ...inBoth('foreign_origin_refused', 'answers any web page', (reply, received) => {
    if (received.headers.origin !== undefined) serve(done)(reply, received);
  }),
  ...inBoth(
    'text_body_refused',
    'takes any content type',
    whenHeader('content-type', 'text/plain', serve(done)),
  ),
  ...inBoth(
    'accept_header_heeded',
    'does not look at the Accept header',
    whenHeader('accept', 'image/png', serve(done)),
  ),
];
