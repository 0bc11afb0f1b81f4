import * as v2 from '@modelcontextprotocol/core';
import * as v1 from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readItem } from '../../../shared/gateway/catalogue/readItem.ts';
import { legacyClient } from '../../../shared/gateway/protocol/legacyClient.ts';
import { modernClient } from '../../../shared/gateway/protocol/modernClient.ts';
import { readCapabilities, readServerInfo } from '../../../shared/gateway/protocol/serverShapes.ts';

type List = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

/** Whether the SDKs of both lines read this item. A tool is shown to each as the gateway shows it to clients of that line. */
function isRead(list: List, item: Readonly<Record<string, unknown>>): boolean {
  switch (list) {
    case 'tools': {
      const tool = { ...item, name: String(item['name']) };
      return (
        v1.ToolSchema.safeParse(legacyClient.showTool(tool)).success &&
        v2.ToolSchema.safeParse(legacyClient.showTool(tool)).success &&
        v2.ToolSchema.safeParse(modernClient.showTool(tool)).success
      );
    }
    case 'prompts':
      return v1.PromptSchema.safeParse(item).success && v2.PromptSchema.safeParse(item).success;
    case 'resources':
      return v1.ResourceSchema.safeParse(item).success && v2.ResourceSchema.safeParse(item).success;
    case 'resourceTemplates':
      return (
        v1.ResourceTemplateSchema.safeParse(item).success && v2.ResourceTemplateSchema.safeParse(item).success
      );
  }
}

const fields = [
  ...['name', 'title', 'description', 'icons', '_meta', 'inputSchema', 'outputSchema', 'annotations'],
  ...['execution', 'arguments', 'uri', 'uriTemplate', 'mimeType', 'size', 'type', 'properties', 'required'],
  ...['readOnlyHint', 'audience', 'priority', 'lastModified', 'src', 'sizes', 'theme', 'taskSupport'],
  ...['$schema', 'x-mcp-header', 'x'],
];
const oddValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false, [], {}, '', 0, -1, 1.5, 'object', 'OBJECT', 'true', '12', 'a'),
    fc.constantFrom(['object', 'null'], '2026-01-01', '2026-01-01T00:00:00Z', 'user', 'light', 'required'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...fields), tie('value'), { maxKeys: 6 }),
  ),
})).value;
const oddItem = fc.oneof(
  oddValue,
  fc.record(Object.fromEntries(fields.map((field) => [field, oddValue])), { requiredKeys: [] }),
  fc
    .tuple(
      fc.record({
        name: fc.constant('a'),
        uri: fc.constant('test://a'),
        uriTemplate: fc.constant('test://{a}'),
      }),
      fc.dictionary(fc.constantFrom(...fields.filter((field) => !/^(name|uri)/.test(field))), oddValue),
    )
    .map(([sound, odd]) => ({ ...odd, ...sound })),
);

describe('whatever item a server lists', () => {
  test.each<List>(['tools', 'prompts', 'resources', 'resourceTemplates'])(
    'of its %s, the SDKs of both lines read what the gateway makes of it, or it is left out with a reason',
    (list) => {
      fc.assert(
        fc.property(oddItem, (sent) => {
          const read = readItem(list, sent, 0);
          if ('item' in read) expect(isRead(list, read.item), JSON.stringify(read.item)).toBe(true);
          else expect(read.leftOut[0].reason).not.toBe('');
        }),
        { numRuns: 3_000 },
      );
    },
  );

  test('an item that is sound stays as it is, with the order of its keys', () => {
    const sound = {
      _meta: {},
      'acme/x': null,
      description: 'd',
      inputSchema: {
        $defs: {},
        properties: { b: { default: null, enum: ['x', null] }, a: { 'x-y': null, type: ['string', 'null'] } },
        type: 'object',
        additionalProperties: false,
      },
      name: 'a',
      annotations: { readOnlyHint: false, vendor: null },
      outputSchema: { type: 'array', items: { type: 'integer' } },
    };
    const read = readItem('tools', sound, 0);
    expect(read).toMatchObject({ leftOut: [] });
    expect('item' in read && JSON.stringify(read.item)).toBe(JSON.stringify(sound));
  });
});

const plain = { type: 'object' };
describe('the schema of a tool’s arguments', () => {
  test.each<[unknown, object | 'left out']>([
    [undefined, plain],
    [null, plain],
    [[], plain],
    [true, plain],
    [{}, plain],
    [{ type: null }, plain],
    [{ type: 'OBJECT' }, plain],
    [{ type: ['object', 'null'] }, plain],
    [
      { type: 'object', properties: [] },
      { type: 'object', properties: {} },
    ],
    [{ type: 'object', properties: null, required: null }, plain],
    [
      { type: 'object', required: {} },
      { type: 'object', required: [] },
    ],
    [
      { type: 'object', required: { 0: 'a', 2: 'b' } },
      { type: 'object', required: ['a', 'b'] },
    ],
    [
      { type: 'object', required: 'a' },
      { type: 'object', required: ['a'] },
    ],
    [
      { type: 'object', properties: { a: true, b: null, c: false, d: 'string', e: [] } },
      { type: 'object', properties: { a: {}, b: {}, c: { not: {} }, d: { type: 'string' }, e: {} } },
    ],
    [
      { type: 'object', properties: { a: { type: 'object', properties: [], required: null } } },
      { type: 'object', properties: { a: { type: 'object', properties: {} } } },
    ],
    [
      { type: 'object', properties: { list: { type: 'ARRAY', items: [], description: null } } },
      { type: 'object', properties: { list: { type: 'array', items: {} } } },
    ],
    [
      { type: 'object', properties: { required: { type: 'boolean' }, type: { type: 'string' } } },
      { type: 'object', properties: { required: { type: 'boolean' }, type: { type: 'string' } } },
    ],
    [
      { anyOf: [{ required: ['a'] }, { required: ['b'] }] },
      { anyOf: [{ required: ['a'] }, { required: ['b'] }], type: 'object' },
    ],
    [{ type: 'string' }, 'left out'],
    [{ type: 'object', properties: 'a' }, 'left out'],
    [{ type: 'object', properties: { a: 7 } }, 'left out'],
    [{ type: 'object', required: [{}] }, 'left out'],
    ['object', 'left out'],
  ])('%j becomes %j', (inputSchema, expected) => {
    const read = readItem('tools', { name: 'a', ...(inputSchema !== undefined && { inputSchema }) }, 0);
    expect('item' in read ? read.item['inputSchema'] : 'left out').toEqual(expected);
  });
});

describe('a field', () => {
  test.each<[List, object, object]>([
    ['tools', { title: null, description: 7 }, { description: '7' }],
    ['tools', { description: ['one', 'two'] }, { description: 'one\ntwo' }],
    [
      'tools',
      { annotations: { readOnlyHint: 'true', title: null } },
      { annotations: { readOnlyHint: true } },
    ],
    ['tools', { annotations: [], execution: {}, _meta: [] }, { annotations: {}, execution: {}, _meta: {} }],
    ['tools', { outputSchema: null, icons: null }, {}],
    [
      'tools',
      { icons: [{ src: 'a', sizes: '48x48', theme: 'blue' }, null, 7] },
      { icons: [{ src: 'a', sizes: ['48x48'] }] },
    ],
    ['prompts', { arguments: null, description: null }, {}],
    ['prompts', { arguments: {} }, { arguments: [] }],
    [
      'prompts',
      { arguments: [{ name: 'a', required: 'false', description: null }, null, 'b'] },
      { arguments: [{ name: 'a', required: false }, { name: 'b' }] },
    ],
    ['resources', { name: 'r', size: '12', mimeType: null }, { name: 'r', size: 12 }],
    ['resources', { name: null, size: null }, { name: 'test://a' }],
    [
      'resources',
      { name: 'r', annotations: { audience: 'user', priority: 2, lastModified: '2026-01-01' } },
      { name: 'r', annotations: { audience: ['user'] } },
    ],
    ['resourceTemplates', { mimeType: null, title: 3 }, { title: '3', name: 'test://{a}' }],
  ])('of %s: %j becomes %j', (list, sent, expected) => {
    const key = { tools: 'name', prompts: 'name', resources: 'uri', resourceTemplates: 'uriTemplate' }[list];
    const own = { name: 'a', uri: 'test://a', uriTemplate: 'test://{a}' }[key];
    const read = readItem(list, { [key]: own, ...sent }, 0);
    expect('item' in read && read.item).toEqual({
      [key]: own,
      ...expected,
      ...(list === 'tools' && { inputSchema: { type: 'object' } }),
    });
  });

  test('that an item cannot do without leaves the item out', () => {
    expect(readItem('prompts', { name: 'p', arguments: [{ description: 'nameless' }] }, 3)).toEqual({
      leftOut: [{ list: 'prompts', item: 'p', reason: expect.stringContaining('"arguments"') as string }],
    });
  });
});

test('whatever a server says of itself, the SDKs read what the gateway makes of it', () => {
  const names = ['tools', 'prompts', 'resources', 'logging', 'completions', 'extensions', 'experimental'];
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), oddValue), oddValue, (capabilities, info) => {
      const result = {
        protocolVersion: '2025-11-25',
        capabilities: readCapabilities(capabilities),
        serverInfo: readServerInfo(info),
      };
      expect(v1.InitializeResultSchema.safeParse(result).success, JSON.stringify(result)).toBe(true);
      expect(v2.InitializeResultSchema.safeParse(result).success, JSON.stringify(result)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
  expect(readCapabilities({ tools: true, logging: [], prompts: false, resources: null })).toEqual({
    tools: {},
    logging: {},
  });
  expect(readCapabilities([])).toEqual({});
});
