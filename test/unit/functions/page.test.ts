import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { page } from '../../../functions/http/page.ts';
import { choicePage } from '../../../infra/local/issuer/pages.ts';
import { html } from '../../../shared/platform/http/html.ts';

const choice = { action: 'http://127.0.0.1/login', request: 'r', client: 'A client', tenants: [] };

/** Browsers drop a style whose hash is not that of the policy (Content Security Policy Level 3, section 6.7.2). */
test.each([
  ['the gateway', async () => toParts(page('Title', html`<p>Text</p>`))],
  [
    'the local issuer',
    () => {
      const { headers, body } = choicePage(choice);
      return { policy: headers['Content-Security-Policy'] ?? '', body };
    },
  ],
])('the policy of a page of %s allows the style in it', async (_name, make) => {
  const { policy, body } = await make();
  const [, style = ''] = /<style>([^]*?)<\/style>/.exec(body) ?? [];
  expect(style).toContain('main {');
  expect(policy).toContain(`style-src 'sha256-${hash('sha256', style, 'base64')}'`);
});

const toParts = async (response: Response): Promise<{ policy: string; body: string }> => ({
  policy: response.headers.get('content-security-policy') ?? '',
  body: await response.text(),
});
