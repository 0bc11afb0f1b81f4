/** What a server of test features offers: the tools, prompts and resources that the conformance suite calls by name. */
export type Json = Readonly<Record<string, unknown>>;
export interface Asked {
  readonly method: string;
  readonly params: Json;
}
export type Answers = Readonly<Record<string, Json>>;

/** What a running feature can do besides ending. */
export interface Stage {
  notify(method: string, params: Json): void;
  /** The token for progress, if the client wants any. */
  readonly progressToken: unknown;
  /** As the client declared them. */
  readonly capabilities: Json;
  /** Tells whoever listens that a list has changed. */
  changed(list: 'tools' | 'prompts'): void;
}

/** What is asked at once, by the key of its answer. */
type Round = Readonly<Record<string, Asked>>;

export interface Feature {
  readonly description?: string;
  readonly inputSchema?: Json;
  /** What it asks the client in each round before it ends. */
  readonly rounds?: readonly ((args: Json, stage: Stage) => Round)[];
  /** A capability without which it refuses a modern client. */
  readonly needs?: string;
  run(args: Json, stage: Stage, answers: Answers): Json | Promise<Json>;
}

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
const text = (value: string) => ({ type: 'text', text: value });
const image = { type: 'image', data: PIXEL, mimeType: 'image/png' };
const embedded = (uri: string) => ({
  type: 'resource',
  resource: { uri, mimeType: 'text/plain', text: 'Embedded.' },
});
const says = (...content: Json[]): Feature => ({ run: () => ({ content }) });
const object = (properties: Json, required: readonly string[] = []): Json => ({
  type: 'object',
  properties,
  required,
});

const form = (message: string, properties: Json, required = Object.keys(properties)): Asked => ({
  method: 'elicitation/create',
  params: { message, requestedSchema: object(properties, required) },
});
const sampling = (prompt: string): Asked => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 },
});
const roots: Asked = { method: 'roots/list', params: {} };
const confirm = { confirm: form('Please confirm', { ok: { type: 'boolean' } }) };

/** Asks what is given, in one round, and ends with all that it was told. */
const asks = (requests: Readonly<Record<string, Asked>>, words = 'Told'): Feature => ({
  rounds: [() => requests],
  run: (_args, _stage, answers) => ({ content: [text(`${words}: ${JSON.stringify(answers)}`)] }),
});

const steps = async (step: (done: number) => void): Promise<void> => {
  for (const done of [0, 50, 100]) {
    step(done);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

export const tools: Readonly<Record<string, Feature>> = {
  test_simple_text: says(text('This is a simple text response for testing.')),
  test_image_content: says(image),
  test_audio_content: says({ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }),
  test_embedded_resource: says(embedded('test://embedded-resource')),
  test_multiple_content_types: says(text('Several:'), image, embedded('test://mixed-content-resource')),
  test_resource_link: says({ type: 'resource_link', uri: 'test://static-text', name: 'static-text' }),
  test_error_handling: {
    run: () => ({
      isError: true,
      content: [text('This tool intentionally returns an error for testing')],
    }),
  },
  test_tool_with_logging: {
    async run(_args, stage) {
      await steps((done) => {
        stage.notify('notifications/message', { level: 'info', data: `at ${done}` });
      });
      return { content: [text('logged')] };
    },
  },
  test_tool_with_progress: {
    async run(_args, stage) {
      const { progressToken } = stage;
      await steps((progress) => {
        if (progressToken !== undefined)
          stage.notify('notifications/progress', { progressToken, progress, total: 100 });
      });
      return { content: [text('done')] };
    },
  },
  test_sampling: {
    inputSchema: object({ prompt: { type: 'string' } }, ['prompt']),
    rounds: [(args: Json): Round => ({ answer: sampling(String(args['prompt'])) })],
    run: (_args, _stage, { answer }) => ({ content: [text(`LLM response: ${JSON.stringify(answer)}`)] }),
  },
  test_elicitation: {
    inputSchema: object({ message: { type: 'string' } }, ['message']),
    rounds: [
      (args: Json): Round => ({ answer: form(String(args['message']), { response: { type: 'string' } }) }),
    ],
    run: (_args, _stage, { answer }) => ({
      content: [
        text(
          `User response: action=${String(answer?.['action'])}, content=${JSON.stringify(answer?.['content'])}`,
        ),
      ],
    }),
  },
  test_elicitation_sep1034_defaults: asks({
    answer: form(
      'Please review',
      {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      },
      [],
    ),
  }),
  test_elicitation_sep1330_enums: asks({
    answer: form(
      'Please select',
      {
        untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
        titledSingle: {
          type: 'string',
          oneOf: [1, 2, 3].map((n) => ({ const: `value${n}`, title: `Option ${n}` })),
        },
        legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['One', 'Two', 'Three'] },
        untitledMulti: {
          type: 'array',
          minItems: 1,
          maxItems: 3,
          items: { type: 'string', enum: ['option1', 'option2', 'option3'] },
        },
        titledMulti: {
          type: 'array',
          minItems: 1,
          maxItems: 3,
          items: { anyOf: [1, 2, 3].map((n) => ({ const: `value${n}`, title: `Choice ${n}` })) },
        },
      },
      [],
    ),
  }),
  json_schema_2020_12_tool: {
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: {
          $anchor: 'addressDef',
          type: 'object',
          properties: { street: { type: 'string' }, city: { type: 'string' } },
        },
      },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
    run: () => ({ content: [text('called')] }),
  },
  test_header_parameter: {
    inputSchema: object({ region: { type: 'string', 'x-mcp-header': 'Region' } }),
    run: () => ({ content: [text('mirrored')] }),
  },
  test_missing_capability: { needs: 'sampling', run: () => ({ content: [text('sampled')] }) },
  test_streaming_elicitation: asks(confirm),
  test_logging_tool: {
    run(_args, stage) {
      stage.notify('notifications/message', { level: 'info', data: 'working' });
      return { content: [text('logged')] };
    },
  },
  test_trigger_tool_change: {
    run(_args, stage) {
      stage.changed('tools');
      return { content: [text('changed')] };
    },
  },
  test_trigger_prompt_change: {
    run(_args, stage) {
      stage.changed('prompts');
      return { content: [text('changed')] };
    },
  },
  test_input_required_result_elicitation: asks({
    user_name: form('What is your name?', { name: { type: 'string' } }),
  }),
  test_input_required_result_sampling: asks({ capital_question: sampling('What is the capital of France?') }),
  test_input_required_result_list_roots: asks({ client_roots: roots }),
  test_input_required_result_request_state: asks(confirm, 'state-ok'),
  test_input_required_result_tampered_state: asks(confirm),
  test_input_required_result_multiple_inputs: asks({
    user_name: form('What is your name?', { name: { type: 'string' } }),
    greeting: sampling('Generate a greeting'),
    client_roots: roots,
  }),
  test_input_required_result_multi_round: {
    rounds: [
      (): Round => ({ step1: form('Step 1: What is your name?', { name: { type: 'string' } }) }),
      (): Round => ({ step2: form('Step 2: What is your favorite color?', { color: { type: 'string' } }) }),
    ],
    run: (_args, _stage, answers) => ({ content: [text(`Told: ${JSON.stringify(answers)}`)] }),
  },
  test_input_required_result_capabilities: {
    rounds: [
      (_args: Json, { capabilities }: Stage): Round => ({
        ...('sampling' in capabilities && { answer: sampling('Say something') }),
        ...('elicitation' in capabilities && { confirm: confirm.confirm }),
      }),
    ],
    run: (_args, _stage, answers) => ({ content: [text(`Told: ${JSON.stringify(answers)}`)] }),
  },
};

const spoken = (...content: Json[]): Json => ({
  messages: content.map((part) => ({ role: 'user', content: part })),
});

type Prompt = Feature & { readonly arguments?: readonly string[] };
export const prompts: Readonly<Record<string, Prompt>> = {
  test_simple_prompt: { run: () => spoken(text('This is a simple prompt for testing.')) },
  test_prompt_with_arguments: {
    arguments: ['arg1', 'arg2'],
    run: (args) =>
      spoken(text(`Prompt with arguments: arg1='${String(args['arg1'])}', arg2='${String(args['arg2'])}'`)),
  },
  test_prompt_with_embedded_resource: {
    arguments: ['resourceUri'],
    run: (args) => spoken(embedded(String(args['resourceUri'])), text('Please process it.')),
  },
  test_prompt_with_image: { run: () => spoken(image, text('Please analyze it.')) },
  test_input_required_result_prompt: {
    rounds: [
      (): Round => ({
        user_context: form('What context should the prompt use?', { context: { type: 'string' } }),
      }),
    ],
    run: (_args, _stage, answers) => spoken(text(JSON.stringify(answers))),
  },
};

export const resources: Readonly<Record<string, Json>> = {
  'test://static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  'test://static-binary': { mimeType: 'image/png', blob: PIXEL },
  'test://watched-resource': { mimeType: 'text/plain', text: 'Watched resource content' },
};

export const template = 'test://template/{id}/data';

/** The content at a URI, or undefined where there is none. */
export function contentAt(uri: string): Json | undefined {
  const [, id] = /^test:\/\/template\/([^/]+)\/data$/.exec(uri) ?? [];
  const found =
    id === undefined
      ? Object.hasOwn(resources, uri)
        ? resources[uri]
        : undefined
      : {
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
        };
  return found && { uri, ...found };
}
