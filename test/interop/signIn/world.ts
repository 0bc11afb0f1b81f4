import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../support/certificate.ts';
import { serve } from '../../support/serve.ts';
import { tlsFront } from '../../support/tlsFront.ts';
import { startTestTopology, type TestTopology } from '../../support/topology.ts';
import { type SignInBrowser, startSignInBrowser } from './browser.ts';
import type { ClientPlace } from './clients.ts';
import { type Opener, startOpener } from './opener.ts';
import { clientDocument, type ProviderOptions } from './provider.ts';

/** A client that the administrator of the gateway knows. */
export const presetClient = { client_id: 'interop', client_secret: 'a-secret-of-this-test-alone' };

/** The gateway as `npm start` runs it, a person in front of a browser, and all that clients of a test need. */
export interface SignInWorld {
  readonly topology: TestTopology;
  readonly browser: SignInBrowser;
  readonly opener: Opener;
  /** The URL of the client id metadata document. Its host has a certificate that the gateway trusts. */
  readonly documentUrl: string;
  /** How often the gateway read the document. */
  readonly documentReads: number;
  /** Makes a place for one client at an endpoint, known to the gateway as `known` says. */
  place(endpoint: string, known?: Partial<ProviderOptions>): Promise<ClientPlace>;
  /** Stops both apps and starts them again, at a time that is later by this. */
  restart(laterMs?: number): Promise<void>;
  close(): Promise<void>;
}

export async function startSignInWorld(): Promise<SignInWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'sign-in-'));
  const callback = await serve((_, response) => response.end('You can close this window.'));
  const redirectUrl = `http://127.0.0.1:${callback.port}/callback`;

  let documentReads = 0;
  const documents = await serve((request, response) => {
    documentReads++;
    const client_id = `https://${request.headers.host ?? ''}${request.url ?? ''}`;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ client_id, ...clientDocument(redirectUrl) }));
  });
  const certificate = makeCertificate(['localhost']);
  const front = await tlsFront(certificate, documents.port);
  const authority = join(folder, 'authority.pem');
  await writeFile(authority, certificate.certificate);

  const clock = join(folder, 'clock');
  const preload = new URL('../../support/processes/clockOffset.ts', import.meta.url).href;
  const { client_id, client_secret: secret } = presetClient;
  const topology = await startTestTopology({
    demo: true,
    settings: {
      NODE_OPTIONS: `--import ${preload}`,
      TEST_CLOCK_OFFSET_FILE: clock,
      NODE_EXTRA_CA_CERTS: authority,
      MREG_CLIENTS: JSON.stringify({
        [client_id]: { name: 'Interop', redirectUris: ['http://127.0.0.1/callback'], secret },
      }),
    },
  });
  const browser = await startSignInBrowser();
  const opener = await startOpener((url) => browser.open(url));

  return {
    topology,
    browser,
    opener,
    documentUrl: `https://localhost:${front.port}/client.json`,
    get documentReads() {
      return documentReads;
    },
    place: async (endpoint, known) => ({
      url: `${topology.urls.mcp}/${endpoint}`,
      folder: await mkdtemp(join(folder, 'client-')),
      environment: opener.environment,
      provider: { redirectUrl, open: (url) => browser.open(url), ...known },
    }),
    async restart(laterMs = 0) {
      await writeFile(clock, String(laterMs));
      await Promise.all([topology.kill('management'), topology.kill('mcp')]);
      await Promise.all([topology.restart('management'), topology.restart('mcp')]);
    },
    async close() {
      await browser.close();
      await opener.close();
      await topology.stop();
      await Promise.all([callback.close(), front.close(), documents.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
