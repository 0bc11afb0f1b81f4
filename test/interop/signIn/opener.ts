import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { serve } from '../../support/serve.ts';

/** A program `xdg-open` for the clients of others. It gives each URL to the test. */
export interface Opener {
  /** The environment in which a client opens its browser by the program. */
  readonly environment: Readonly<Record<string, string>>;
  /** Rejects when the sign-in of a client failed. The client itself would only wait. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

export async function startOpener(open: (url: string) => Promise<unknown>): Promise<Opener> {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => undefined);
  const server = await serve((request, response) => {
    response.writeHead(204).end();
    const url = new URL(request.url ?? '', server.url).searchParams.get('url') ?? '';
    open(url).catch(reject);
  });
  const folder = await mkdtemp(join(tmpdir(), 'opener-'));
  const program = join(folder, 'xdg-open');
  const send = `fetch('${server.url}?url=' + encodeURIComponent(process.argv[1]))`;
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' -e "${send}" "$1"\n`, { mode: 0o755 });
  return {
    environment: { PATH: folder + delimiter + (process.env['PATH'] ?? ''), BROWSER: program },
    failed,
    async close() {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
