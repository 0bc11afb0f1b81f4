import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import type { Built } from '../../build.ts';
import { appNames } from '../processes.ts';

type Outputs = Built['metafile']['outputs'];

/**
 * Returns a digest of all code that an app can load from a build: all that its entry imports, except through the other
 * app. Names of chunks do not count, because the name of a chunk changes with every chunk that it imports.
 */
export function appCode({ metafile, outputFiles }: Built, app: (typeof appNames)[number]): string {
  const outputs = metafile.outputs;
  const entry = Object.keys(outputs).find((path) => basename(path) === 'main.js') ?? '';
  const sources = dirname(outputs[entry]?.entryPoint ?? '');
  const others = appNames.filter((name) => name !== app).map((name) => `${sources}/${name}/app.ts`);
  // Names of chunks have a hash, names of entries do not. The file of a thread is an entry that nothing imports.
  const entries = Object.keys(outputs).filter((path) => /^\w+\.js$/.test(basename(path)));
  const loaded = reach(outputs, entries, new Set(others));

  const digest = createHash('sha256');
  const texts = outputFiles
    .filter(({ path }) => loaded.has(basename(path)))
    .map(({ text }) => text.replaceAll(/-[A-Z0-9]{8}\.js/g, '.js'));
  for (const text of texts.sort()) digest.update(text).update('\0');
  return digest.digest('hex');
}

/** Returns the file names of `from` and of all that they import, directly or not, without the outputs of `except`. */
function reach(outputs: Outputs, from: readonly string[], except: ReadonlySet<string>): ReadonlySet<string> {
  const reached = new Set(from);
  for (const path of reached) {
    for (const { path: imported, external } of outputs[path]?.imports ?? []) {
      if (!external && !except.has(outputs[imported]?.entryPoint ?? '')) reached.add(imported);
    }
  }
  return new Set([...reached].map((path) => basename(path)));
}
