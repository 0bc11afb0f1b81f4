import { describe, expect, test } from 'vitest';
import { createClientStreams } from '../../../shared/gateway/listen/clientStreams.ts';
import { createTenantPlaces } from '../../../shared/platform/concurrency/tenantShare.ts';
import { actor } from '../../support/gateway.ts';

/** Opens numbered streams in `size` places, and tells which are open. */
function listening(size: number) {
  const streams = createClientStreams(createTenantPlaces(size, 1));
  const open: string[] = [];
  const closers = new Map<string, () => void>();
  const listen = (user: string, name: string) =>
    streams.open(actor(user), (onClose) => {
      open.push(name);
      const close = () => {
        if (open.includes(name)) open.splice(open.indexOf(name), 1);
        onClose();
      };
      closers.set(name, close);
      return { close };
    }).kind;
  return { open, listen, close: (name: string) => closers.get(name)?.() };
}

describe('the listening streams of a caller', () => {
  test('give way, oldest first, beyond as many as one caller may have', () => {
    const { open, listen } = listening(1_000);
    for (let index = 1; index <= 66; index++) listen('alice', `${index}`);
    expect(open).toHaveLength(64);
    expect(open.slice(0, 2)).toEqual(['3', '4']);
  });

  test('give way to the newest where no place is free, and never to another caller', () => {
    const { open, listen } = listening(3);
    for (const name of ['a1', 'a2']) listen('alice', name);
    listen('bob', 'b1');
    expect(listen('carol', 'c1')).toBe('full');
    expect(listen('alice', 'a3')).toBe('open');
    expect(listen('bob', 'b2')).toBe('open');
    expect(open).toEqual(['a2', 'a3', 'b2']);
  });

  test('that ended give their places back once', () => {
    const { open, listen, close } = listening(2);
    listen('alice', 'a1');
    close('a1');
    close('a1');
    for (const name of ['b1', 'b2']) expect(listen('bob', name)).toBe('open');
    expect(listen('alice', 'a2')).toBe('full');
    expect(open).toEqual(['b1', 'b2']);
  });
});
