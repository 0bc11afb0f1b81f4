import { createHash, randomBytes } from 'node:crypto';
import { choosePerson, personNamed } from './choosePerson.ts';

/** A page, or where the browser is sent. */
export interface Shown {
  readonly status: number;
  readonly location: URL | undefined;
  readonly headers: Headers;
  readonly text: string;
}

/** A browser without scripts: it keeps cookies by host name, as browsers do, and follows no redirect by itself. */
export interface SignInBrowser {
  open(url: string | URL): Promise<Shown>;
  /** Sends a form. `origin` is that of the page with the form. */
  send(url: string | URL, fields: Record<string, string>, origin: string | undefined): Promise<Shown>;
}

export function createBrowser(): SignInBrowser {
  const jar = new Map<string, string>();

  async function request(url: string | URL, init: RequestInit = {}): Promise<Shown> {
    const { hostname } = new URL(url);
    const own = [...jar].filter(([key]) => key.startsWith(`${hostname} `));
    const cookie = own.map(([key, value]) => `${key.slice(hostname.length + 1)}=${value}`).join('; ');
    const headers = {
      ...(init.headers as Record<string, string> | undefined),
      ...(cookie !== '' && { cookie }),
    };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0(;|$)/.test(line)) jar.delete(`${hostname} ${name}`);
      else jar.set(`${hostname} ${name}`, value);
    }
    const location = response.headers.get('location');
    return {
      status: response.status,
      location: location === null ? undefined : new URL(location, url),
      headers: response.headers,
      text: await response.text(),
    };
  }

  return {
    open: (url) => request(url),
    send: (url, fields, origin) =>
      request(url, {
        method: 'POST',
        body: new URLSearchParams(fields),
        headers: origin === undefined ? {} : { origin },
      }),
  };
}

export interface Authorization {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly resource?: string;
  readonly scope?: string;
  readonly state?: string;
}

export interface Asked {
  readonly url: URL;
  readonly verifier: string;
}

/** Returns the URL with which a client begins a sign-in, and the verifier of its challenge. `change` spoils it. */
export function authorizationUrl(
  gateway: string,
  {
    clientId,
    redirectUri,
    resource,
    scope = 'mcp.access offline_access',
    state = 'the-state',
  }: Authorization,
  change: Readonly<Record<string, string | undefined>> = {},
): Asked {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL('/oauth/authorize', gateway);
  const fields: Record<string, string | undefined> = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    resource,
    scope,
    state,
    ...change,
  };
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined) url.searchParams.set(name, value);
  return { url, verifier };
}

/** Presses a button of the consent page. */
export function decide(
  browser: SignInBrowser,
  gateway: string,
  page: Shown,
  decision: 'allow' | 'deny' = 'allow',
  origin: string | undefined = gateway,
): Promise<Shown> {
  const [, form = ''] = /name="form" value="([^"]+)"/.exec(page.text) ?? [];
  return browser.send(new URL('/oauth/consent', gateway), { form, decision }, origin);
}

/** Signs a person in as far as the client: the page, Entra, the callback. Returns where the browser is sent at the end. */
export async function signInTo(
  browser: SignInBrowser,
  gateway: string,
  asked: Asked,
  username = 'user@contoso.example',
): Promise<URL> {
  let step = await browser.open(asked.url);
  // Without a page, the browser remembered the consent.
  if (step.location === undefined) step = await decide(browser, gateway, step);
  const { location: entra } = step;
  if (!entra) throw new Error(`no way to Entra: ${String(step.status)} ${step.text}`);
  const { location: callback, text } = await choosePerson(entra.href, personNamed(username).oid);
  if (!callback) throw new Error(`Entra did not let the person in: ${text}`);
  const { location, status, text: page } = await browser.open(callback);
  if (!location) throw new Error(`no way back to the client: ${String(status)} ${page}`);
  return location;
}

export interface TokenReply {
  readonly status: number;
  readonly body: Record<string, unknown> & {
    readonly access_token?: string;
    readonly refresh_token?: string;
    readonly error?: string;
  };
}

/** Posts a form to the token endpoint. */
export async function askForTokens(gateway: string, fields: Record<string, string>): Promise<TokenReply> {
  const response = await fetch(new URL('/oauth/token', gateway), {
    method: 'POST',
    body: new URLSearchParams(fields),
  });
  return { status: response.status, body: (await response.json()) as TokenReply['body'] };
}
