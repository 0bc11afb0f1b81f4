import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');
const library = join(root, 'node_modules/@azure/functions/src');

interface Change {
  readonly why: string;
  readonly from: string;
  readonly to: string;
}

interface Patch {
  /** Under the sources of `@azure/functions`. */
  readonly file: string;
  /** Digest of the text that the changes were made for. */
  readonly sha256: string;
  /** Imports from `functions/http/library/` that the changes use: file by name. */
  readonly uses: Readonly<Record<string, string>>;
  readonly changes: readonly Change[];
}

/** Every change to the bundled Functions library, with its reason. */
export const libraryPatches: readonly Patch[] = [
  {
    file: 'InvocationModel.ts',
    sha256: 'c3f8217da979f9fc31fcf34d0d70d022b8529316ad8e23acba77ec51b9eeb269',
    uses: { incomingRequest: 'incomingRequest.ts' },
    changes: [
      {
        why:
          'A query parameter or body property with the name "Headers" replaces the headers. A request that the library cannot ' +
          'convert, such as one with an invalid Host, is never answered. A Fetch `Request` and its stream cost 20 µs.',
        from: `input = createStreamRequest(proxyRequest, nonNullProp(req, 'triggerMetadata'));`,
        to: `input = incomingRequest(proxyRequest);`,
      },
    ],
  },
  {
    file: 'http/httpProxy.ts',
    sha256: '6887920774415743dec1db0dcafc4b11ca0ba99722c3b097c48c174569ffc97c',
    uses: {
      createInvocationPairs: 'invocationPairs.ts',
      serverOptions: 'serverOptions.ts',
      writeBody: 'writeBody.ts',
    },
    changes: [
      {
        why: 'When the server refuses a request, its invocation waits for it in vain.',
        from: `const server = http.createServer();

        server.on('request', (req, res) => {`,
        to: `const server = http.createServer(serverOptions);

        server.on('checkExpectation', (req, res) => server.emit('request', req, res));
        server.on('request', (req, res) => {`,
      },
      {
        why: 'An invocation waits without a bound for its request, and a request for its invocation.',
        from: `const requests: Record<string, http.IncomingMessage> = {};
const responses: Record<string, http.ServerResponse> = {};
`,
        to: `const pairs = createInvocationPairs();
`,
      },
      {
        why: 'An unbounded wait, as above: the invocation takes its request.',
        from: `    return new Promise((resolve, _reject) => {
        const req = requests[invocationId];
        if (req) {
            resolve(req);
            delete requests[invocationId];
        } else {
            invocRequestEmitter.once(invocationId, () => {
                const req = requests[invocationId];
                if (req) {
                    resolve(req);
                    delete requests[invocationId];
                }
            });
        }
    });
`,
        to: `    return pairs.requestOf(invocationId);
`,
      },
      {
        why: 'An unbounded wait, as above: the request arrives.',
        from: `            if (typeof invocationId === 'string') {
                requests[invocationId] = req;
                responses[invocationId] = res;
                invocRequestEmitter.emit(invocationId);
            } else {
                workerSystemLog('error', \`Http proxy request missing header \${invocationIdHeader}\`);
            }
`,
        to: `            pairs.arrive(invocationId, req, res);
`,
      },
      {
        why: 'An unbounded wait, as above: the invocation takes its response.',
        from: `    const proxyRes = nonNullProp(responses, invocationId);
    delete responses[invocationId];
`,
        to: `    const proxyRes = pairs.takeResponse(invocationId);
`,
      },
      {
        why: 'Each header of each answer makes a set of the names in a header that answers do not have.',
        from: `!getConnectionHeaderNames(connectionHeader).has(normalizedHeaderName)`,
        to: `!(connectionHeader && getConnectionHeaderNames(connectionHeader).has(normalizedHeaderName))`,
      },
      {
        why: 'The head is written as one list: the server would store, check and read each header.',
        from: `            proxyRes.setHeader(key, val);
        }
    }
    proxyRes.setHeader(invocationIdHeader, invocationId);
    proxyRes.statusCode = userRes.status;
`,
        to: `            head.push(key, val);
        }
    }
`,
      },
      {
        why: 'The list, as above.',
        from: `    const connectionHeader = userRes.headers.get('connection');
`,
        to: `    const head = [invocationIdHeader, invocationId];
    const connectionHeader = userRes.headers.get('connection');
`,
      },
      {
        why: 'When a client leaves, its response body is still read to the end, and the upstream call goes on.',
        from: `    if (userRes.body) {
        for await (const chunk of userRes.body.values()) {
            proxyRes.write(chunk);
        }
    }
    proxyRes.end();
`,
        to: `    proxyRes.writeHead(userRes.status, head);
    await writeBody(userRes.body?.values(), proxyRes);
`,
      },
    ],
  },
];

/**
 * Applies a patch to the text of its file.
 * @throws when the text is not the one that the patch was made for.
 */
export function applyPatch({ file, sha256, uses, changes }: Patch, text: string): string {
  if (createHash('sha256').update(text).digest('hex') !== sha256) throw new Error(staleText(file));
  const folder = dirname(join(library, file));
  const imports = Object.entries(uses).map(([name, module]) => {
    const path = relative(folder, join(root, 'functions/http/library', module)).replaceAll('\\', '/');
    return `import { ${name} } from '${path}';\n`;
  });
  return changes.reduce(
    (patched, { from, to }) => {
      if (patched.split(from).length !== 2) throw new Error(staleText(file));
      return patched.replace(from, () => to);
    },
    `${imports.join('')}${text.replaceAll('\r\n', '\n')}`,
  );
}

const staleText = (file: string): string =>
  `@azure/functions/src/${file} is not the text that infra/libraryPatches.ts was made for: ` +
  'compare the two, adapt the patch, and set its sha256';

/** Patches the library while it is bundled. The build fails when it has the library without every patch. */
export const patchLibrary: Plugin = {
  name: 'patch the Functions library',
  setup(build) {
    const byPath = new Map(libraryPatches.map((patch) => [join(library, patch.file), patch]));
    build.onLoad({ filter: /[\\/]@azure[\\/]functions[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
      const patch = byPath.get(path);
      if (!patch) return undefined;
      try {
        return {
          contents: applyPatch(patch, await readFile(path, 'utf8')),
          loader: 'ts',
          resolveDir: dirname(path),
        };
      } catch (error) {
        return { errors: [{ text: error instanceof Error ? error.message : String(error) }] };
      }
    });
    build.onEnd(({ metafile }) => {
      const bundled = Object.keys(metafile?.inputs ?? {}).map((path) => join(root, path));
      if (!bundled.includes(join(library, 'index.ts'))) return {};
      const missing = libraryPatches.filter(({ file }) => !bundled.includes(join(library, file)));
      return { errors: missing.map(({ file }) => ({ text: staleText(file) })) };
    });
  },
};
