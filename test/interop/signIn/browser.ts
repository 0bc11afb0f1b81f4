import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { browser as program } from '../../support/requirement.ts';

/** A real browser and the person in front of it, who says yes on each page. */
export interface SignInBrowser {
  /** How often a client opened the browser. */
  readonly opened: number;
  /**
   * Goes from the URL of an authorization request through all pages, until the browser arrives at the client. Returns the
   * URL there.
   * @throws Error with the text of the page on which the person cannot go on. `.local/sign-in` then has its picture.
   */
  open(url: string): Promise<URL>;
  /** A person sits down at the browser, which has forgotten the last one. On the page of the issuer, it is the one of this name. */
  seat(person: string): Promise<void>;
  close(): Promise<void>;
}

const pictures = join(import.meta.dirname, '../../../.local/sign-in');

/** More pages than any sign-in has. */
const MAX_PAGES = 6;
const PAGE_MS = 15_000;
const DESCRIBE_MS = 5_000;

export async function startSignInBrowser(): Promise<SignInBrowser> {
  const browser = await chromium.launch({
    executablePath: program.path ?? '',
    args: ['--no-sandbox'],
  });
  let context = await browser.newContext();
  let person = '';
  let opened = 0;

  return {
    get opened() {
      return opened;
    },
    async open(url) {
      opened++;
      return signIn(context, new URL(url), person);
    },
    async seat(name) {
      person = name;
      // The last page of the last person may still load.
      context = await browser.newContext();
    },
    close: () => browser.close(),
  };
}

async function signIn(context: BrowserContext, url: URL, person: string): Promise<URL> {
  const redirect = new URL(url.searchParams.get('redirect_uri') ?? '');
  const isClient = (at: URL): boolean => at.origin === redirect.origin && at.pathname === redirect.pathname;
  const page = await context.newPage();
  const blocked: string[] = [];
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) blocked.push(message.text());
  });
  try {
    await page.goto(url.href);
    for (let pages = 0; !isClient(new URL(page.url())); pages++) {
      if (pages === MAX_PAGES) throw new Error('The pages have no end');
      await goOn(page, person);
    }
    if (blocked.length > 0) throw new Error(blocked.join('\n'));
    return new URL(page.url());
  } catch (cause) {
    throw new Error(`${await describe(page, url)}\n${String(cause)}`, { cause });
  }
}

/** Presses the button of the page that leads on, and waits for the next page. */
async function goOn(page: Page, person: string): Promise<void> {
  const button = page
    .getByRole('button', { name: person })
    .or(page.getByRole('button', { name: /^(allow|continue|approve)/i }))
    .first();
  const before = page.url();
  await button.click({ timeout: PAGE_MS });
  await page.waitForURL(({ href }) => href !== before, { timeout: PAGE_MS, waitUntil: 'load' });
}

async function describe(page: Page, asked: URL): Promise<string> {
  await mkdir(pictures, { recursive: true });
  const picture = join(pictures, `stopped-${Date.now()}.png`);
  await page.screenshot({ path: picture, timeout: DESCRIBE_MS }).catch(() => undefined);
  const text = await page.innerText('body', { timeout: DESCRIBE_MS }).catch(() => '');
  return `The sign-in of ${asked.href} stopped at ${page.url()} (${picture}):\n${text}`;
}
