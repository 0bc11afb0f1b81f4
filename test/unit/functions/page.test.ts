import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { page, problemPage } from '../../../functions/http/page.ts';
import { html } from '../../../shared/platform/http/html.ts';

test('the policy of a page allows the style that the page has', async () => {
  const answer = page('Title', html`<p>text</p>`);
  const [, style = ''] = /<style>([^]*)<\/style>/.exec(await answer.text()) ?? [];
  expect(style).toContain('font');
  expect(answer.headers.get('content-security-policy')).toContain(
    `style-src 'sha256-${hash('sha256', style, 'base64')}'`,
  );
});

test.each([
  ['this link has expired', 'This link has expired.'],
  ['redirect_uri is required', 'redirect_uri is required.'],
  ['People of your tenant may not sign in.', 'People of your tenant may not sign in.'],
  ['<b>', '&lt;b&gt;.'],
])('the page about an error has a sentence and no more: %s', async (message, shown) => {
  const error = { kind: 'unavailable', message, retryAfterMs: 2_000 } as const;
  const answer = problemPage('Not done', error, 'Try again.', 'a=; Max-Age=0');
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('2');
  expect(answer.headers.get('set-cookie')).toBe('a=; Max-Age=0');
  expect(answer.headers.has('location')).toBe(false);
  expect(await answer.text()).toContain(`<p>${shown}</p>`);
});
