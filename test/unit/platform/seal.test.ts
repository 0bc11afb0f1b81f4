import { describe, expect, test } from 'vitest';
import { parseExactJson } from '../../../shared/platform/base/exactJson.ts';
import { createSeal } from '../../../shared/platform/security/seal.ts';

const [old, current] = ['an-old-key-that-is-long-enough-for-it', 'a-new-key-that-is-long-enough-for-it-too'];
const seal = createSeal([current]);
const sealed = seal.close('token', ['t1', 'u1'], { secret: 'canary' });

describe('a sealed value', () => {
  test('opens on every instance that has the key, and shows nothing of its content', () => {
    expect(createSeal([current]).open('token', ['t1', 'u1'], sealed)).toEqual({ secret: 'canary' });
    expect(sealed).toMatch(/^[\w-]{8}\.[\w-]+$/);
    expect(Buffer.from(sealed.slice(9), 'base64url').toString('latin1')).not.toContain('canary');
  });

  test.each([
    ['for another purpose', () => seal.open('server_url', ['t1', 'u1'], sealed)],
    ['for another owner', () => seal.open('token', ['t1', 'u2'], sealed)],
    [
      'when a bit was changed',
      () => seal.open('token', ['t1', 'u1'], sealed.slice(0, -2) + (sealed.endsWith('AA') ? 'BB' : 'AA')),
    ],
    ['when something follows it', () => seal.open('token', ['t1', 'u1'], `${sealed}x`)],
    ['when it was cut', () => seal.open('token', ['t1', 'u1'], sealed.slice(0, 30))],
    ['with another key', () => createSeal([old]).open('token', ['t1', 'u1'], sealed)],
    ['when it is plain text', () => seal.open('token', ['t1', 'u1'], 'eyJhbGciOi.plain')],
    ['when it is empty', () => seal.open('token', ['t1', 'u1'], '')],
  ])('does not open %s', (_why, open) => {
    expect(open()).toBeUndefined();
  });

  test('keeps the text of every number', () => {
    const text = '{"id":1764489081123456789,"price":1.0,"n":[0.1,2]}';
    const opened = seal.open('answer', [], seal.close('answer', [], parseExactJson(text)));
    expect(opened).toHaveProperty('n', [0.1, 2]);
    expect(JSON.stringify(opened)).toBe(text);
  });

  test('is the same for the same content, and differs with the content, the owner and the purpose', () => {
    const again = seal.close('token', ['t1', 'u1'], { secret: 'canary' });
    const others = [
      seal.close('token', ['t1', 'u1'], { secret: 'other' }),
      seal.close('token', ['t1', 'u2'], { secret: 'canary' }),
      seal.close('answer', ['t1', 'u1'], { secret: 'canary' }),
    ];
    expect(again).toBe(sealed);
    expect(new Set([sealed, ...others]).size).toBe(4);
  });
});

test('a key is replaced by putting the new one before it: the old one opens and no longer seals', () => {
  const before = createSeal([old]).close('token', [], 'x');
  const during = createSeal([current, old]);
  expect(during.open('token', [], before)).toBe('x');
  expect(createSeal([current]).open('token', [], during.close('token', [], 'y'))).toBe('y');
  expect(createSeal([current]).open('token', [], before)).toBeUndefined();
});
