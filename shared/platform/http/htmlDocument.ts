import { hash } from 'node:crypto';
import { Html, html } from './html.ts';

/** The one style of a page, and the source by which its content security policy allows these bytes and no others. */
export interface PageStyle {
  readonly element: Html;
  readonly source: string;
}

export const pageStyle = (css: string): PageStyle => ({
  element: new Html(`<style>${css}</style>`),
  source: `'sha256-${hash('sha256', css, 'base64')}'`,
});

/** Returns a document with a title, which is its heading too. */
export const htmlDocument = (title: string, { element }: PageStyle, content: Html): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${element}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html>`.text;
