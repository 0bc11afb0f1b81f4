import { describe, expect, test } from 'vitest';
import { matches, pathParameters } from '../../../functions/http/paths.ts';

describe('the parameters of a path', () => {
  test.each<[template: string, pathname: string, parameters: Record<string, string>, why: string]>([
    ['servers/{slug}', '/servers/files', { slug: 'files' }, 'plain'],
    ['servers/{slug}', '/servers/files/', { slug: 'files' }, 'a slash behind'],
    ['servers/{slug}', '/SERVERS/Files', { slug: 'Files' }, 'letter case is the value’s own'],
    ['servers/{slug}', '/servers/a%20b', { slug: 'a b' }, 'percent-encoded'],
    ['servers/{slug}', '/servers/a+b', { slug: 'a+b' }, 'a plus is a plus in a path'],
    ['servers/{slug}', '/servers/a%2Fb', { slug: 'a/b' }, 'an encoded slash parts no segments'],
    ['servers/{slug}', '/servers/a%252Fb', { slug: 'a%2Fb' }, 'decoded once'],
    ['servers/{slug}', '/servers/%E6%9D%B1', { slug: '東' }, 'UTF-8'],
    ['servers/{slug}', '/servers/%', { slug: '%' }, 'malformed, kept as it stands'],
    ['servers/{slug}', '/servers/%FF', { slug: '%FF' }, 'no UTF-8, kept as it stands'],
    [
      'servers/{slug}',
      '/servers/__proto__',
      { slug: '__proto__' },
      'a name that means something to JavaScript',
    ],
    ['a/{x}/b/{y}', '/a/1/b/2', { x: '1', y: '2' }, 'two of them'],
    ['v0.1/{*rest}', '/v0.1/a%2Fb/c%20d', { rest: 'a%2Fb/c%20d' }, 'all that follows, as it stands'],
    ['v0.1/{*rest}', '/v0.1', { rest: '' }, 'nothing follows'],
    ['r/{x}/{*rest}', '/r/1/2/3/', { x: '1', rest: '2/3' }, 'one, then all that follows'],
    ['health', '/health', {}, 'none'],
  ])('%s at %s: %j (%s)', (template, pathname, parameters) => {
    expect(pathParameters(template, pathname)).toEqual(parameters);
  });
});

test.each([
  ['servers/{slug}', '/servers/a', true, 'plain'],
  ['servers/{slug}', '/servers/a/', true, 'a slash behind'],
  ['servers/{slug}', '/Servers/a', true, 'letter case'],
  ['servers/{slug}', '/servers', false, 'too short'],
  ['servers/{slug}', '/servers/', false, 'an empty parameter'],
  ['servers/{slug}', '/servers/a/b', false, 'too long'],
  ['servers/{slug}', '/servers//a', false, 'an empty segment'],
  ['servers/{*rest}', '/servers', true, 'nothing follows'],
  ['servers/{*rest}', '/servers/', true, 'nothing follows'],
  ['servers/{*rest}', '/servers/a/b', true, 'much follows'],
  ['servers/{*rest}', '/server', false, 'another word'],
  ['r/{x}/servers/{*rest}', '/r/servers', false, 'too short'],
  ['servers', '/servers', true, 'plain'],
  ['servers', '/server', false, 'shorter'],
  ['.well-known/oauth-protected-resource', '/xwell-known/oauth-protected-resource', false, 'a dot is a dot'],
])('%s takes %s: %s (%s)', (template, pathname, taken) => {
  expect(matches(template, pathname)).toBe(taken);
});
