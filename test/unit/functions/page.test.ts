import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { page } from '../../../functions/http/page.ts';
import { html } from '../../../shared/platform/http/html.ts';

test('the policy of a page allows the style that the page has', async () => {
  const answer = page('Title', html`<p>text</p>`);
  const [, style = ''] = /<style>([^]*)<\/style>/.exec(await answer.text()) ?? [];
  expect(style).toContain('font');
  expect(answer.headers.get('content-security-policy')).toContain(
    `style-src 'sha256-${hash('sha256', style, 'base64')}'`,
  );
});
