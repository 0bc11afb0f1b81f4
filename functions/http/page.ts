import type { DomainError } from '../../shared/platform/base/errors.ts';
import { type Html, html } from '../../shared/platform/http/html.ts';
import { htmlDocument, pageStyle } from '../../shared/platform/http/htmlDocument.ts';
import { retryAfter, toProblem } from '../../shared/platform/http/problem.ts';
import { TextResponse } from '../../shared/platform/http/responses.ts';
import { secretUrlHeaders } from './answers.ts';

const style = pageStyle(`
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1f; background: #f4f4f7; margin: 0; padding: 0 1rem; }
main { max-width: 30rem; margin: 4rem auto; overflow-wrap: anywhere; padding: 2rem; background: #fff; border: 1px solid #dcdce2; border-radius: 8px; }
h1 { font-size: 1.35rem; margin: 0 0 1rem; }
dt { color: #5a5a66; font-size: .875rem; }
dd { margin: 0 0 .75rem; }
.note { background: #fff6e0; border-left: 4px solid #b77900; padding: .5rem .75rem; }
.actions { display: flex; gap: .75rem; flex-wrap: wrap; margin-top: 1.5rem; }
button, .button { font: inherit; padding: .5rem 1.25rem; border: 1px solid #1f4fa3; border-radius: 6px; background: #1f4fa3; color: #fff;
  text-decoration: none; cursor: pointer; }
button.secondary, .button.secondary { background: #fff; color: #1f4fa3; }
button:focus-visible, .button:focus-visible { outline: 3px solid #8fb4f2; outline-offset: 2px; }`);

export interface PageOptions {
  readonly status?: number;
  /** Where forms of the page lead, beside the app itself: origins that a redirect after the form ends at. */
  readonly formTargets?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Returns a page for a person. It runs no script, loads nothing, and no other site can frame it (Content Security Policy Level 3).
 */
export function page(title: string, content: Html, options: PageOptions = {}): Response {
  const targets = ["'self'", ...(options.formTargets ?? [])].join(' ');
  return new TextResponse(htmlDocument(title, style, content), {
    status: options.status ?? 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src ${style.source}; form-action ${targets}; frame-ancestors 'none'; base-uri 'none'`,
      'x-frame-options': 'DENY',
      ...secretUrlHeaders,
      ...options.headers,
    },
  });
}

/** Returns a page about an error, which never redirects. `advice` is a sentence about what the person can do. */
export const problemPage = (
  title: string,
  error: DomainError,
  advice: string,
  setCookie?: string,
): Response =>
  page(
    title,
    html`<p>${asSentence(error.message)}</p>
      <p>${advice}</p>`,
    {
      status: toProblem(error).status,
      headers: { ...retryAfter(error), ...(setCookie !== undefined && { 'set-cookie': setCookie }) },
    },
  );

/** Messages are parts of sentences, as they are in logs and in JSON. A parameter, such as `redirect_uri`, keeps its name. */
const asSentence = (message: string): string =>
  `${message.replace(/^[a-z]+(?= )/, (word) => word.charAt(0).toUpperCase() + word.slice(1)).replace(/\.$/, '')}.`;
