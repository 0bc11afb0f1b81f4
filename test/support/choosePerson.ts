import { localDirectory } from '../../infra/local/issuer/localDirectory.ts';

const { people } = localDirectory({ mcp: 'http://127.0.0.1', management: 'http://127.0.0.1' });

/** The object id of a person of the local issuer, by the user name, such as `user@contoso.example`. */
export function personNamed(username: string): { readonly oid: string; readonly tenant: string } {
  const person = people.find((each) => each.username === username);
  if (!person) throw new Error(`the local issuer has no person ${username}`);
  return person;
}

/**
 * Opens the page of the local issuer at this URL and chooses a person there, or nobody, as a browser would. Returns where the
 * browser is sent; for a page with an error, its text. `reached` gives the URL at which the test reaches a URL of the page.
 */
export async function choosePerson(
  url: string,
  oid: string,
  reached: (url: string) => string = (same) => same,
): Promise<{ readonly location?: URL; readonly text: string }> {
  const shown = await fetch(url, { redirect: 'manual' });
  const page = await shown.text();
  const location = shown.headers.get('location');
  if (location !== null) return { location: new URL(location), text: page };
  const [, request] = /name="request" value="([^"]+)"/.exec(page) ?? [];
  const [, action] = /<form method="post" action="([^"]+)"/.exec(page) ?? [];
  if (request === undefined || action === undefined) return { text: page };
  const body = new URLSearchParams({ request, person: oid });
  const chosen = await fetch(reached(action), { method: 'POST', body, redirect: 'manual' });
  const target = chosen.headers.get('location');
  return { text: await chosen.text(), ...(target !== null && { location: new URL(target) }) };
}
