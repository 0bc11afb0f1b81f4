import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { build as esbuild } from 'esbuild';

const HOST = path.resolve(import.meta.dirname, '../../src/main.ts');
const SAMPLE = path.join(import.meta.dirname, 'sampleApp/main.ts');
/** Inside the checkout, so that packages are found which are not bundled. */
const LOCAL = path.resolve(import.meta.dirname, '../../.local');

/** The sample app as it would be deployed, in a folder of its own. */
export interface BuiltSample {
  readonly root: string;
  remove(): Promise<void>;
}

type Build = (entry: string, outDir: string) => Promise<void>;

/** `entry`: another app than the sample. `build`: another way to build it than with the published Functions library. */
export async function buildSample(
  hostJson: object = {},
  { entry = SAMPLE, build = buildPlainly }: { readonly entry?: string; readonly build?: Build } = {},
): Promise<BuiltSample> {
  await mkdir(LOCAL, { recursive: true });
  const root = await mkdtemp(path.join(LOCAL, 'sample-app-'));
  await build(entry, path.join(root, 'dist'));
  await writeFile(path.join(root, 'package.json'), JSON.stringify({ type: 'module', main: 'dist/main.js' }));
  await writeHostJson(root, hostJson);
  return { root, remove: () => rm(root, { recursive: true }) };
}

const buildPlainly: Build = async (entry, outDir) => {
  await esbuild({
    entryPoints: { main: entry },
    outdir: outDir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
  });
};

export async function writeHostJson(root: string, more: object = {}): Promise<void> {
  const hostJson = { version: '2.0', extensions: { http: { routePrefix: '' } }, ...more };
  await writeFile(path.join(root, 'host.json'), JSON.stringify(hostJson));
}

export interface SampleHost {
  readonly port: number;
  readonly child: ChildProcess;
  /** Sends a request just as it is given: no path is normalised, no header added but Node's. */
  send(request: RawRequest): Promise<RawAnswer>;
  /** The next thing of this name that a function reports, or one that was reported and not taken yet. */
  reported(what: string): Promise<unknown>;
  /** All that has gone to stdout or stderr so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** Resolves once stderr holds the text. */
  complained(text: string): Promise<void>;
  /** Ends the process and resolves to its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  /** Sends the body chunked, without its length. */
  readonly chunked?: boolean;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** Starts the host on a sample app; rejects with all it wrote when it does not become ready. */
export async function startSampleHost(
  root: string,
  { args = [], env = {} }: { readonly args?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<SampleHost> {
  const child = fork(HOST, ['--port', '0', '--root', root, ...args], {
    env: { ...process.env, ...env },
    silent: true,
  });
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const exited = exitOf(child);
  const reports = collectReports(child);
  await Promise.race([ready(child, output), endedEarly(exited, output)]);
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(output.stdout)?.[1]);

  return {
    port,
    child,
    send: (request) => send(port, request),
    reported: (what) => reports(what),
    output: () => output,
    async complained(text) {
      while (!output.stderr.includes(text)) await once(child.stderr ?? child, 'data');
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return await exited;
    },
  };
}

/** Resolves to the exit code once all output is in. (Node's own `close` event never comes after a disconnect.) */
async function exitOf(child: ChildProcess): Promise<number | null> {
  const [[code]] = await Promise.all([
    once(child, 'exit') as Promise<[number | null]>,
    ...[child.stdout, child.stderr].map((stream) => stream && once(stream, 'close')),
  ]);
  return code;
}

async function ready(child: ChildProcess, output: { readonly stdout: string }): Promise<void> {
  while (!/^Functions host on .*\n/m.test(output.stdout)) await once(child.stdout ?? child, 'data');
}

async function endedEarly(exited: Promise<number | null>, output: object): Promise<never> {
  const code = await exited;
  throw Object.assign(new Error('the host did not start'), { code, ...output });
}

function collectReports(child: ChildProcess): (what: string) => Promise<unknown> {
  const untaken: { readonly what: string; readonly detail: unknown }[] = [];
  const waiting: { readonly what: string; readonly take: (detail: unknown) => void }[] = [];
  child.on(
    'message',
    (message: { readonly type?: unknown; readonly what: string; readonly detail: unknown }) => {
      if (message.type !== 'sample') return;
      const index = waiting.findIndex(({ what }) => what === message.what);
      if (index < 0) untaken.push(message);
      else waiting.splice(index, 1)[0]?.take(message.detail);
    },
  );
  return (what) =>
    new Promise((resolve) => {
      const index = untaken.findIndex((report) => report.what === what);
      if (index < 0) waiting.push({ what, take: resolve });
      else resolve(untaken.splice(index, 1)[0]?.detail);
    });
}

async function send(
  port: number,
  { method = 'GET', path: target, headers = {}, body, chunked }: RawRequest,
): Promise<RawAnswer> {
  const framing = chunked
    ? { 'transfer-encoding': 'chunked' }
    : { 'content-length': Buffer.byteLength(body ?? '') };
  const request = http.request({
    port,
    host: '127.0.0.1',
    method,
    path: target,
    headers: { ...(body !== undefined && framing), ...headers },
    agent: false,
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await textOf(response) };
}

/** Resolves with what has come when the answer ends or is cut off. */
export async function textOf(response: http.IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) text += chunk as string;
  } catch {
    return text;
  }
  return text;
}
