import { type Html, html } from '../../../shared/platform/http/html.ts';
import { htmlDocument, pageStyle } from '../../../shared/platform/http/htmlDocument.ts';
import type { Person } from './directory.ts';
import type { Reply } from './reply.ts';

const style = pageStyle(`
:root { color-scheme: light; --ink: #1b1b1f; --soft: #5a5a66; --line: #dcdce2; --blue: #1f4fa3; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #f4f4f7; margin: 0; padding: 1rem; }
main { max-width: 44rem; margin: 2.5rem auto; padding: 2rem; background: #fff; border: 1px solid var(--line); border-radius: 8px; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; }
h2 { font-size: .95rem; margin: 0 0 .5rem; }
p { margin: 0; color: var(--soft); }
code { overflow-wrap: anywhere; }
.tenants { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1.5rem; margin: 1.5rem 0; }
button { font: inherit; color: inherit; cursor: pointer; background: #fff; border: 1px solid var(--line); border-radius: 6px; }
button:focus-visible { outline: 3px solid #8fb4f2; outline-offset: 2px; }
.person { display: grid; grid-template-columns: 2.5rem 1fr auto; column-gap: .75rem; align-items: center; width: 100%; text-align: left;
  padding: .6rem .75rem; margin-bottom: .5rem; }
.person:hover { border-color: var(--blue); background: #f3f7fe; }
.person i { grid-row: span 2; width: 2.5rem; height: 2.5rem; border-radius: 50%; background: var(--blue); color: #fff; font-style: normal;
  font-weight: 600; display: grid; place-items: center; }
.person b { font-weight: 600; line-height: 1.3; }
.person span { grid-column: 2 / 4; color: var(--soft); font-size: .875rem; line-height: 1.3; overflow-wrap: anywhere; }
.person em { grid-area: 1 / 3; padding: .1rem .6rem; border-radius: 1rem; background: #e8effb; color: var(--blue); font-style: normal;
  font-size: .8rem; }
.cancel { color: var(--blue); padding: .4rem 1.25rem; }
footer { display: flex; justify-content: space-between; align-items: center; gap: 1rem; flex-wrap: wrap; border-top: 1px solid var(--line);
  padding-top: 1rem; font-size: .875rem; }
footer p { flex: 1 1 16rem; }`);

/** The field of the form with the person, and its value where the person cancels. */
export const PERSON = 'person';
export const NOBODY = 'nobody';

/** Returns the page on which a person is chosen. `request` comes back with the choice. */
export function choicePage(choice: {
  readonly action: string;
  readonly request: string;
  readonly client: string;
  readonly tenants: readonly { readonly name: string; readonly people: readonly Person[] }[];
}): Reply {
  const tenants = choice.tenants.map(
    ({ name, people }) =>
      html`<section>
        <h2>${name}</h2>
        ${people.map(personButton)}
      </section>`,
  );
  return page(
    'Choose a person',
    html`<p>to sign in to ${choice.client}</p>
      <form method="post" action="${choice.action}">
        <input type="hidden" name="request" value="${choice.request}" />
        <div class="tenants">${tenants}</div>
        <footer>
          <p>
            This page stands in for the sign-in of Microsoft Entra. It needs no password and is on this
            machine only.
          </p>
          <button class="cancel" name="${PERSON}" value="${NOBODY}">Cancel</button>
        </footer>
      </form>`,
  );
}

const personButton = ({ oid, name, username, roles }: Person): Html =>
  html`<button class="person" name="${PERSON}" value="${oid}">
    <i aria-hidden="true">${name.slice(0, 1)}</i><b>${name}</b> <span>${username}</span>
    <em>${roles.join(', ') || 'no role'}</em>
  </button>`;

/** Returns a page that says one thing. */
export const messagePage = (title: string, text: string, status = 200): Reply =>
  page(title, html`<p>${text}</p>`, status);

function page(title: string, content: Html, status = 200): Reply {
  return {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      // Without form-action: browsers apply it to the redirects after a form too, and those lead to any client.
      'Content-Security-Policy': `default-src 'none'; style-src ${style.source}; frame-ancestors 'none'; base-uri 'none'`,
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    },
    body: htmlDocument(title, style, content),
  };
}
