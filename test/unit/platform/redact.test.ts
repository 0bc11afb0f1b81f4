import { describe, expect, test } from 'vitest';
import type { OutboundBody } from '../../../shared/platform/outbound/outboundBody.ts';
import { redactedBody } from '../../../shared/platform/outbound/redactedBody.ts';
import { createRedactor } from '../../../shared/platform/security/redact.ts';

const TOKEN = 'abc/DEF+123==';
const redact = (values: string[], text: string) => createRedactor(values)?.text(text) ?? text;

describe('a known secret is taken out', () => {
  const json = JSON.stringify;
  test.each([
    ['as it stands', `x ${TOKEN} y`, 'x [redacted] y'],
    ['with its scheme', `x Bearer ${TOKEN} y`, 'x [redacted] y'],
    ['more than once', `${TOKEN},${TOKEN}`, '[redacted],[redacted]'],
    ['with slashes escaped', `"${TOKEN.replaceAll('/', '\\/')}"`, '"[redacted]"'],
    ['with unicode escapes', '"abc/DEF\\u002B123\\u003d\\u003D"', '"[redacted]"'],
    [
      'with every character escaped',
      `"${Array.from(TOKEN, (c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('')}"`,
      '"[redacted]"',
    ],
    [
      'within JSON within JSON',
      json(json({ a: TOKEN }).replaceAll('/', '\\/')),
      json(json({ a: '[redacted]' })),
    ],
  ])('%s', (_how, given, wanted) => {
    expect(redact([`Bearer ${TOKEN}`], given)).toBe(wanted);
  });

  test('that has quotes and backslashes', () => {
    expect(redact(['k"1\\2-rest'], JSON.stringify({ a: 'k"1\\2-rest' }))).toBe('{"a":"[redacted]"}');
  });

  test.each([
    ['that is not ASCII', 'pässwörd-\u{1f600}'],
    ['whose beginning ends in half a character', '123456789012345\u{1f600}rest'],
    ['that has a line break', 'first-line\nsecond'],
  ])('%s', (_what, secret) => {
    const redactor = createRedactor([secret]);
    const escaped = json({ a: secret }).replace(
      /[^ -~]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    for (const text of [json({ a: secret }), escaped, json(json({ a: secret }))]) {
      expect(redactor?.text(text)).toMatch(/^"?\{\\?"a\\?":\\?"\[redacted\]\\?"\}"?$/);
      expect(redactor?.bytes(Buffer.from(text)).toString()).toBe(redactor?.text(text));
    }
  });

  test('however often it is escaped', () => {
    let text = 'k"1\\2-rest';
    for (let times = 0; times < 6; times++) text = json({ a: text });
    expect(redact(['k"1\\2-rest'], text)).toContain('"[redacted]\\');
    expect(redact(['k"1\\2-rest'], text)).not.toContain('rest');
  });

  test('where a backslash is escaped by its number', () => {
    expect(redact([TOKEN], '"x\\u005cu0061bc/DEF+123=="')).toBe('"x[redacted]"');
  });

  test('and what escapes the character before it stays', () => {
    expect(redact([TOKEN], json(`"\n${TOKEN}\\`))).toBe('"\\"\\n[redacted]\\\\"');
  });

  test('of Basic: the pair, the password and their base64', () => {
    const basic = `Basic ${Buffer.from('user:pass-word-1').toString('base64')}`;
    expect(redact([basic], `${basic} ${basic.slice(6)} user:pass-word-1 pass-word-1 user`)).toBe(
      '[redacted] [redacted] [redacted] [redacted] user',
    );
  });

  test('and nothing else: short values, other text and other bytes stay', () => {
    expect(createRedactor(['abc'])).toBeUndefined();
    const bytes = Buffer.from('{"text":"Grüße \u{1f600} \\u00fc \\/"}');
    expect(createRedactor([TOKEN])?.bytes(bytes)).toBe(bytes);
    const both = Buffer.from(`Grüße ${TOKEN} \u{1f600}`);
    expect(createRedactor([TOKEN])?.bytes(both).toString()).toBe('Grüße [redacted] \u{1f600}');
  });
});

test('a hostile text costs no more than its length', () => {
  // Compared anew at each of its places, these would take minutes.
  const repeated = 'a'.repeat(1_000);
  const text = `${'a'.repeat(1_000_000)}\\u00`;
  expect(createRedactor([`${repeated}b${repeated}`])?.text(text)).toBe(text);
  expect(createRedactor([`${repeated}b`])?.text(`${text}61b`)).toBe(`${'a'.repeat(999_001)}[redacted]`);
  const redactor = createRedactor(['\\\\\\\\"secret"']);
  expect(redactor?.text('\\'.repeat(200_000))).toHaveLength(200_000);
});

describe('a body in chunks', () => {
  const bodyOf = (chunks: string[]): OutboundBody => {
    const left = chunks.map((chunk) => Buffer.from(chunk));
    return {
      bytes: () => Promise.resolve(Buffer.concat(left)),
      next: () => Promise.resolve(left.shift()),
      leave: () => undefined,
    };
  };
  const redactor = createRedactor([TOKEN]);
  if (!redactor) throw new Error('the token is long enough');
  const read = async (chunks: string[]) => {
    const body = redactedBody(bodyOf(chunks), redactor);
    const given: string[] = [];
    for (let chunk = await body.next(); chunk; chunk = await body.next()) given.push(chunk.toString());
    return given;
  };

  test('is redacted wherever the chunks are cut', async () => {
    const stream = `: open\n\ndata: {"a":"${TOKEN}"}\n\ndata: {"b":"${TOKEN.replace('/', '\\u002f')}"}\r\n\r\n`;
    for (let cut = 0; cut <= stream.length; cut++)
      expect((await read([stream.slice(0, cut), stream.slice(cut)])).join('')).toBe(
        ': open\n\ndata: {"a":"[redacted]"}\n\ndata: {"b":"[redacted]"}\r\n\r\n',
      );
    expect((await read(Array.from(stream))).join('')).not.toContain('abc');
  });

  test('gives each whole line at once, and the rest at the end', async () => {
    expect(await read(['a\nb', 'c\n', 'd'])).toEqual(['a\n', 'bc\n', 'd']);
  });

  test('is read whole likewise', async () => {
    const body = redactedBody(bodyOf(['abc/D', 'EF+123==']), redactor);
    expect((await body.bytes(100))?.toString()).toBe('[redacted]');
  });
});
