import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import type { Built } from '../../build.ts';
import { appNames } from '../processes.ts';

type Outputs = Built['metafile']['outputs'];

/**
 * A digest of all code that an app may load from a build: whatever its entry reaches save through the other app.
 * The names of chunks do not count, since the name of a chunk changes with every chunk below it.
 */
export function appCode({ metafile, outputFiles }: Built, app: (typeof appNames)[number]): string {
  const outputs = metafile.outputs;
  const entry = Object.keys(outputs).find((path) => basename(path) === 'main.js') ?? '';
  const sources = dirname(outputs[entry]?.entryPoint ?? '');
  const others = appNames.filter((name) => name !== app).map((name) => `${sources}/${name}/app.ts`);
  // Entries have the names that the build gives them, and chunks a hash; a thread's file is an entry that no import shows.
  const entries = Object.keys(outputs).filter((path) => /^\w+\.js$/.test(basename(path)));
  const loaded = reach(outputs, entries, new Set(others));

  const digest = createHash('sha256');
  const texts = outputFiles
    .filter(({ path }) => loaded.has(basename(path)))
    .map(({ text }) => text.replaceAll(/-[A-Z0-9]{8}\.js/g, '.js'));
  for (const text of texts.sort()) digest.update(text).update('\0');
  return digest.digest('hex');
}

/** File names of the outputs that `from` import in any way, and their own, without those made of `except`. */
function reach(outputs: Outputs, from: readonly string[], except: ReadonlySet<string>): ReadonlySet<string> {
  const reached = new Set(from);
  for (const path of reached) {
    for (const { path: imported, external } of outputs[path]?.imports ?? []) {
      if (!external && !except.has(outputs[imported]?.entryPoint ?? '')) reached.add(imported);
    }
  }
  return new Set([...reached].map((path) => basename(path)));
}
