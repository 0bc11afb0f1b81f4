import { choosePerson, personNamed } from '../choosePerson.ts';
import { createBrowser, type Shown, type SignInBrowser } from '../signInBrowser.ts';

/** Opens the page of a link and goes on to Entra. Returns where Entra sends the browser for this person. */
export async function signInOnWay(link: string, username: string, browser: SignInBrowser): Promise<URL> {
  const page = await browser.open(link);
  const [, next] = /class="button" href="([^"]+)"/.exec(page.text) ?? [];
  if (next === undefined) throw new Error(`no button: ${page.text}`);
  const { location: entra } = await browser.open(new URL(next.replaceAll('&amp;', '&'), link));
  const { location: callback, text } = await choosePerson(entra?.href ?? '', personNamed(username).oid);
  if (!callback) throw new Error(`Entra did not let the person in: ${text}`);
  return callback;
}

/** Connects an account as a person does in a browser: the page of the link, Entra, the server's own sign-in. Returns the last page. */
export async function connectAccount(
  link: string,
  username: string,
  browser: SignInBrowser = createBrowser(),
): Promise<Shown> {
  let step = await browser.open(await signInOnWay(link, username, browser));
  while (step.location) step = await browser.open(step.location);
  return step;
}
