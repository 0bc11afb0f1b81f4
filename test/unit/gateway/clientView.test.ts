import { describe, expect, test } from 'vitest';
import type { ActiveServer } from '../../../shared/gateway/catalogue/catalogue.ts';
import { mergedExtensions } from '../../../shared/gateway/catalogue/clientView.ts';
import { discovery } from '../../support/registrations.ts';
import { serverRecord } from '../../support/serverRecord.ts';

const server = (extensions: unknown): ActiveServer => ({
  ...serverRecord(),
  discovery: { ...discovery, capabilities: { extensions } },
});
const named = (prefix: string, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}/${index}`, {}]));

describe('the extensions of several servers', () => {
  test('are merged, and the settings of the first server count', () => {
    const servers = [{ 'acme/x': { a: 1 } }, { 'acme/x': { a: 2, b: 2 }, 'acme/y': {} }, 'odd', undefined];
    expect(mergedExtensions(servers.map(server))).toEqual({ 'acme/x': { a: 1, b: 2 }, 'acme/y': {} });
    expect(mergedExtensions([server(undefined)])).toBeUndefined();
  });

  test('are at most 50', () => {
    const merged = mergedExtensions([server(named('one', 30)), server(named('two', 1_000))]) ?? {};
    expect(Object.keys(merged)).toEqual(Object.keys({ ...named('one', 30), ...named('two', 20) }));
  });

  test('lose settings of more than 1,000 characters, not those that another server gives', () => {
    const fits = { a: 'x'.repeat(1_000 - '{"a":""}'.length) };
    const long = { b: 'x'.repeat(1_000) };
    expect(mergedExtensions([server({ 'acme/x': fits, 'acme/y': long })])).toEqual({
      'acme/x': fits,
      'acme/y': {},
    });
    expect(mergedExtensions([server({ 'acme/x': long }), server({ 'acme/x': { c: 1 } })])).toEqual({
      'acme/x': { c: 1 },
    });
  });
});
