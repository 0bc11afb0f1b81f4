import { build, stop, type Metafile, type OutputFile } from 'esbuild';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');

export interface BuildOptions {
  readonly entry?: string;
  readonly outDir?: string;
}

/**
 * Bundles both apps into `dist/`: one small entry, and a chunk for each part that is imported only when needed.
 * Afterwards `dist/` holds this build alone; apps that run from it meanwhile find every unchanged chunk whole.
 * @throws when the code cannot be bundled; `dist/` is as it was, and esbuild has told on stderr what is wrong.
 */
export async function buildApps({
  entry = join(root, 'functions/main.ts'),
  outDir = join(root, 'dist'),
}: BuildOptions = {}): Promise<void> {
  try {
    const { metafile, outputFiles } = await build({
      entryPoints: { main: entry },
      outdir: outDir,
      absWorkingDir: root,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node22',
      // The ES module of a package where it has one: smaller, and its names survive a dynamic import.
      mainFields: ['module', 'main'],
      // Exists only inside the Functions worker.
      external: ['@azure/functions-core'],
      // Bundled CommonJS packages ask for these, and ES modules have none.
      banner: { js: esModuleBanner },
      sourcemap: 'linked',
      metafile: true,
      write: false,
      logLevel: 'warning',
    });
    refuseLazyCommonJs(metafile.inputs);
    await Promise.all(outputFiles.map(replaceFile));
    await keepOnly(outDir, new Set(outputFiles.map(({ path }) => path)));
  } finally {
    await stop();
  }
}

const esModuleBanner = [
  `import { createRequire as bannerCreateRequire } from 'node:module';`,
  `const require = bannerCreateRequire(import.meta.url);`,
].join('\n');

/** A CommonJS module that is imported dynamically arrives in a split bundle with its default export only. */
function refuseLazyCommonJs(inputs: Metafile['inputs']): void {
  for (const [file, { imports }] of Object.entries(inputs)) {
    const lazy = imports.find(
      ({ kind, path }) => kind === 'dynamic-import' && inputs[path]?.format === 'cjs',
    );
    if (lazy) throw new Error(`${file}: import ${lazy.path} statically, it is a CommonJS module`);
  }
}

/** Written aside and renamed, and not at all when nothing has changed. */
async function replaceFile({ path, contents }: OutputFile): Promise<void> {
  const present = await readFile(path).catch(() => undefined);
  if (present?.equals(contents)) return;
  const aside = `${path}.${process.pid}`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(aside, contents);
  await rename(aside, path);
}

/** Removes what earlier builds left. */
async function keepOnly(folder: string, files: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && /\.js(\.map)?$/.test(path) && !files.has(path)) await rm(path, { force: true });
  }
}

if (import.meta.main) {
  await buildApps().then(
    () => {
      console.log(`Built ${relative(process.cwd(), join(root, 'dist/main.js'))}`);
    },
    (error: unknown) => {
      // esbuild has printed its own errors.
      if (error instanceof Error && !('errors' in error)) console.error(error.message);
      process.exit(1);
    },
  );
}
