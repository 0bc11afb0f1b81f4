import { expect, test } from 'vitest';
import { newToolsetSchema } from '../../../shared/registry/toolsets/toolset.ts';

const wrong = (patch: object): string[] =>
  newToolsetSchema
    .safeParse({ slug: 'desk', title: 'Desk', ...patch })
    .error?.issues.map(({ path }) => path.join('.')) ?? [];
const pick = (name: string, as?: string) => ({ server: 'shop', name, ...(as !== undefined && { as }) });

test.each([
  { why: 'the least there is', patch: {}, paths: [] },
  { why: 'two tools of one name under two', patch: { tools: [pick('a'), pick('a', 'b')] }, paths: [] },
  { why: 'a tool and a prompt of one name', patch: { tools: [pick('a')], prompts: [pick('a')] }, paths: [] },
  { why: 'two of one name', patch: { tools: [pick('a'), pick('b', 'a')] }, paths: ['tools.1.as'] },
  { why: 'two that differ by case alone', patch: { tools: [pick('a'), pick('A')] }, paths: ['tools.1.as'] },
  { why: 'a name that clients need not accept', patch: { tools: [pick('zählen')] }, paths: ['tools.0.as'] },
  { why: 'such a name under another', patch: { tools: [pick('zählen', 'count')] }, paths: [] },
  { why: 'a dot, which models refuse', patch: { tools: [pick('a.b')] }, paths: ['tools.0.as'] },
  { why: 'an alias with a dot', patch: { prompts: [pick('a', 'a.b')] }, paths: ['prompts.0.as'] },
  { why: 'an alias of 65 letters', patch: { tools: [pick('a', 'x'.repeat(65))] }, paths: ['tools.0.as'] },
  {
    why: 'a resource twice',
    patch: {
      resources: [
        { server: 'a', uri: 'test://a' },
        { server: 'b', uri: 'test://a' },
      ],
    },
    paths: ['resources.1.uri'],
  },
  { why: 'no slug', patch: { slug: 'A_b' }, paths: ['slug'] },
  { why: 'a field that there is not', patch: { owner: 'x' }, paths: [''] },
])('a set with $why is wrong at $paths', ({ patch, paths }) => {
  expect(wrong(patch)).toEqual(paths);
});
