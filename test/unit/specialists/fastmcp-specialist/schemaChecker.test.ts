import { expect, test } from 'vitest';
import { createSchemaChecker } from '../../../../shared/specialists/fastmcp-specialist/schemaChecker.ts';
import { differing, referenceBomb, SLOW_PATTERN, SLOW_TEXT } from '../../../support/hostileTools.ts';

const checkOf = createSchemaChecker();
const object = (v: object) => ({ type: 'object', properties: { v } });

test('a schema and content are judged in a thread, with the problems that they have', async () => {
  const check = checkOf('a');
  expect(await check(object({ type: 'string' }))).toEqual({ ok: true, value: [] });
  expect(await check(object({ type: 'number of' }))).toMatchObject({ ok: true, value: [{}] });
  expect(await check(object({ type: 'string' }), { v: 1 })).toMatchObject({ ok: true, value: [{}] });
  expect(await check([])).toEqual({ ok: true, value: ['it is not an object'] });
});

test.each<[string, unknown, unknown]>([
  ['by a pattern', object({ pattern: SLOW_PATTERN }), { v: SLOW_TEXT }],
  ['by the name of a property', { patternProperties: { [SLOW_PATTERN]: {} } }, { [SLOW_TEXT]: 1 }],
  ['by definitions that double', referenceBomb(), { v: 'text' }],
  ['by many items that must differ', object({ uniqueItems: true }), { v: differing(50_000) }],
  ['by many names that must differ', { required: differing(50_000) }, undefined],
])('what is made to take for ever %s is given up, and the next one is judged', async (_, schema, content) => {
  const check = checkOf('a');
  expect(await check(schema, content)).toMatchObject({
    ok: false,
    error: { kind: 'timeout', message: 'it took longer than 50 ms' },
  });
  expect(await check(object({}))).toEqual({ ok: true, value: [] });
});

test('a server whose schemas take for ever again and again is given up; another one is not', async () => {
  const hostile = checkOf('a');
  const slow = () => hostile(object({ pattern: SLOW_PATTERN }), { v: SLOW_TEXT });
  for (let time = 0; time < 3; time++) await slow();
  expect(await hostile(object({}))).toMatchObject({
    ok: false,
    error: { kind: 'timeout', message: '3 other schemas of its server took too long' },
  });
  expect(await checkOf('a')(object({}))).toEqual({ ok: true, value: [] });
});
