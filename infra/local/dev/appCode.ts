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
  const loaded = reach(outputs, entry, new Set(others));

  const digest = createHash('sha256');
  const texts = outputFiles
    .filter(({ path }) => loaded.has(basename(path)))
    .map(({ text }) => text.replaceAll(/-[A-Z0-9]{8}\.js/g, '.js'));
  for (const text of texts.sort()) digest.update(text).update('\0');
  return digest.digest('hex');
}

/** File names of the outputs that `from` imports in any way, and its own, without those made of `except`. */
function reach(outputs: Outputs, from: string, except: ReadonlySet<string>): ReadonlySet<string> {
  const reached = new Set<string>([from]);
  for (const path of reached) {
    for (const { path: imported, external } of outputs[path]?.imports ?? []) {
      if (!external && !except.has(outputs[imported]?.entryPoint ?? '')) reached.add(imported);
    }
  }
  return new Set([...reached].map((path) => basename(path)));
}
