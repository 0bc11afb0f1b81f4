import { describe, expect, test } from 'vitest';
import { compileRoute, routeTable } from '../../src/routes.ts';
import { toTriggered, type TriggeredFunction } from '../../src/triggeredFunction.ts';

describe('a route template', () => {
  test.each([
    { template: 'servers', path: '/servers', values: {}, why: 'a literal' },
    { template: 'servers', path: '/SERVERS/', values: {}, why: 'case and a trailing slash do not matter' },
    { template: 'servers', path: '/servers//', values: undefined, why: 'an empty segment is a segment' },
    { template: 'a.b/c+d', path: '/a.b/c+d', values: {}, why: 'what regular expressions know is literal' },
    { template: 'a.b', path: '/axb', values: undefined, why: 'a dot is a dot' },
    { template: 'servers/{slug}', path: '/servers/one', values: { slug: 'one' }, why: 'a parameter' },
    {
      template: 'servers/{slug}',
      path: '/servers/One%2Ftwo',
      values: { slug: 'One%2Ftwo' },
      why: 'kept as it is',
    },
    { template: 'servers/{slug}', path: '/servers/', values: undefined, why: 'a parameter is never empty' },
    {
      template: 'servers/{slug}',
      path: '/servers/a/b',
      values: undefined,
      why: 'a parameter is one segment',
    },
    { template: 'echo/{id?}', path: '/echo', values: {}, why: 'an optional parameter may be absent' },
    { template: 'echo/{id?}', path: '/echo/7', values: { id: '7' }, why: 'or present' },
    {
      template: 'v/{*rest}',
      path: '/v/a//b/',
      values: { rest: 'a//b/' },
      why: 'a catch-all keeps every slash',
    },
    { template: 'v/{*rest}', path: '/v', values: {}, why: 'a catch-all matches nothing at all' },
    { template: 'v/{*rest}', path: '/v/', values: {}, why: 'nor a value where there is only a slash' },
    { template: '{*path}', path: '/', values: {}, why: 'the root belongs to a catch-all' },
    { template: 'n/{id:int}', path: '/n/-12', values: { id: '-12' }, why: 'an integer' },
    { template: 'n/{id:int}', path: '/n/2147483648', values: undefined, why: 'of 32 bits' },
    { template: 'n/{id:int?}', path: '/n', values: {}, why: 'a constraint does not judge what is absent' },
    {
      template: 'n/{id:guid}',
      path: '/n/6f9619ff-8b86-d011-b42d-00cf4fc964ff',
      values: { id: '6f9619ff-8b86-d011-b42d-00cf4fc964ff' },
      why: 'a guid',
    },
    { template: 'n/{id:guid}', path: '/n/6f9619ff', values: undefined, why: 'not a guid' },
    {
      template: 's/{s:regex(^[a-z0-9-]{{1,4}}$)}',
      path: '/s/a-1',
      values: { s: 'a-1' },
      why: 'doubled braces are one',
    },
    {
      template: 's/{s:regex(^[a-z0-9-]{{1,4}}$)}',
      path: '/s/abcde',
      values: undefined,
      why: 'the quantifier counts',
    },
    {
      template: 's/{s:regex(^(a|b:c)$)}',
      path: '/s/B:C',
      values: { s: 'B:C' },
      why: 'colons, groups, no case',
    },
    { template: 's/{s:int:regex(^1)}', path: '/s/21', values: undefined, why: 'every constraint must hold' },
  ])('$template against $path: $why', ({ template, path, values }) => {
    expect(compileRoute(template)(path)).toEqual(values);
  });

  test.each([
    { template: 'x/{id:datetime}', why: 'a constraint this host does not know' },
    { template: 'x/{id=7}', why: 'a default' },
    { template: 'x/file-{name}', why: 'a part of a segment' },
    { template: 'x/{id}/{id}', why: 'a name used twice' },
    { template: 'x/{id:regex(a}', why: 'an argument that is not closed' },
  ])('$template is refused: $why', ({ template }) => {
    expect(() => compileRoute(template)).toThrow();
  });
});

function registered(name: string, route?: string, methods = ['GET']): TriggeredFunction {
  const trigger = {
    type: 'httpTrigger',
    direction: 'in',
    methods,
    ...(route !== undefined && { route }),
  } as const;
  return toTriggered({ metadata: { name, bindings: { trigger } }, callback: () => undefined });
}

describe('the route table', () => {
  const problems: string[] = [];
  const table = (functions: TriggeredFunction[], prefix = '') => {
    problems.length = 0;
    return routeTable(functions, prefix, (name) => problems.push(name));
  };

  test('is in the order of the function names, whatever their case and that of their registration', () => {
    const names = ['zz', 'b', 'A_', 'aB', 'C'].map((name) => registered(name));
    expect(table(names).map(({ name }) => name)).toEqual(['aB', 'A_', 'b', 'C', 'zz']);
  });

  test('puts the prefix before each route, and takes the name where no route is given', () => {
    expect(
      table([registered('hello'), registered('x', '/y/{z}/')], 'api').map(({ template }) => template),
    ).toEqual(['api/hello', 'api/y/{z}']);
  });

  test('leaves out, and reports, the later of two functions with one route and a method in common', () => {
    const functions = [registered('first', 'a/{id}'), registered('second', 'A/{ID}', ['PUT', 'GET'])];
    expect(table(functions).map(({ name }) => name)).toEqual(['first']);
    expect(problems).toEqual(['second']);
    expect(table([registered('first', 'a'), registered('second', 'a', ['PUT'])])).toHaveLength(2);
  });

  test('leaves out, and reports, a route that starts with admin or cannot be understood', () => {
    expect(
      table([registered('a', 'admin/x'), registered('b', 'Administration'), registered('c', '{=}')]),
    ).toEqual([]);
    expect(problems).toEqual(['a', 'b', 'c']);
  });
});

test.each([
  { bindings: {}, why: 'no trigger' },
  { bindings: { in: { type: 'eventHubTrigger', direction: 'in' } }, why: 'another trigger' },
  {
    bindings: { in: { type: 'timerTrigger', direction: 'in' }, out: { type: 'queue', direction: 'out' } },
    why: 'an output that would be lost',
  },
] as const)('a function is refused that has $why', ({ bindings }) => {
  expect(() => toTriggered({ metadata: { name: 'f', bindings }, callback: () => undefined })).toThrow();
});
