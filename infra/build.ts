import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { context, type Metafile, type OutputFile, type Plugin, stop } from 'esbuild';
import packageJson from '../package.json' with { type: 'json' };
import { patchLibrary } from './libraryPatches.ts';
import { LocalError } from './local/localError.ts';

const root = join(import.meta.dirname, '..');

export interface BuildOptions {
  /** Source files by their names in the build. The default is the entries of the apps. */
  readonly entries?: Readonly<Record<string, string>>;
  readonly outDir?: string;
  /**
   * `external`: packages stay in `node_modules`, which makes a rebuild ten times faster and no package to deploy. The
   * Functions library is bundled all the same, because it is patched.
   */
  readonly packages?: 'bundle' | 'external';
}

/** The result of one build. */
export interface Built {
  readonly metafile: Metafile;
  readonly outputFiles: readonly OutputFile[];
  /** The paths of all files of the build. */
  readonly files: readonly string[];
  /** False when the folder held the same build already. */
  readonly changed: boolean;
}

/** A build that can be run again. A later run builds only what has changed. */
export interface AppsBuild {
  /**
   * Bundles both apps into one folder: a small entry, an entry for each thread, and a chunk for each part that is imported
   * dynamically. Afterwards the folder holds this build only. Apps that run from it meanwhile find all unchanged chunks.
   * @throws LocalError when the code cannot be bundled. Then the folder is unchanged, and esbuild has printed the problems on stderr.
   */
  run(): Promise<Built>;
  close(): Promise<void>;
}

/** The file that the host starts, and the files of the threads that the apps start. */
const appEntries = {
  main: join(root, 'functions/main.ts'),
  schemaWorker: join(root, 'shared/specialists/fastmcp-specialist/schemaWorker.ts'),
};

export async function openBuild({
  entries = appEntries,
  outDir = join(root, 'dist'),
  packages = 'bundle',
}: BuildOptions = {}): Promise<AppsBuild> {
  const bundler = await context({
    entryPoints: { ...entries },
    outdir: outDir,
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    // The ES module of a package where it has one: smaller, and its names survive a dynamic import.
    mainFields: ['module', 'main'],
    alias: functionsLibrary,
    define: undiciWithoutMilo,
    plugins: [patchLibrary, usedPartsOfUndici],
    packages,
    // Exists only inside the Functions worker.
    external: ['@azure/functions-core'],
    // Bundled CommonJS packages need `require`, and ES modules have none.
    banner: { js: esModuleBanner },
    sourcemap: 'linked',
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  return {
    async run() {
      const { metafile, outputFiles } = await bundler.rebuild().catch((cause: unknown) => {
        // The other lines are the problems.
        const [first = ''] = cause instanceof Error ? cause.message.split(/:?\n/, 1) : [];
        throw new LocalError(first, { cause });
      });
      refuseLazyCommonJs(metafile.inputs);
      const files = [...outputFiles, await buildInfo(outDir, outputFiles)];
      const replaced = await Promise.all(files.map(replaceFile));
      const removed = await keepOnly(outDir, new Set(outputFiles.map(({ path }) => path)));
      const changed = removed || replaced.includes(true);
      return { metafile, outputFiles, files: files.map(({ path }) => path), changed };
    },
    async close() {
      await bundler.dispose();
      await stop();
    },
  };
}

/** Builds once, into `dist/` by default. @throws as `AppsBuild.run`. */
export async function buildApps(options: BuildOptions = {}): Promise<Built> {
  const build = await openBuild(options);
  try {
    return await build.run();
  } finally {
    await build.close();
  }
}

/**
 * The Functions library is bundled from the source that it ships, with the changes of `libraryPatches.ts`. Its own build is
 * for engines without private fields: it keeps them in WeakMaps. Each request and its answer are in one, and outlive every
 * collection but a full one. The ES module of the package that the library depends on exports nothing.
 */
const functionsLibrary = {
  '@azure/functions': join(root, 'node_modules/@azure/functions/src/index.ts'),
  '@azure/functions-extensions-base': join(
    root,
    'node_modules/@azure/functions-extensions-base/dist/azure-functions-extensions-base.js',
  ),
};

/**
 * The main module of undici loads all of it, such as `fetch`, caches and mocks: 1.1 MB that every start would compile. These are
 * the parts that the gateway uses. The import of any other part fails the build.
 */
const usedPartsOfUndici: Plugin = {
  name: 'used parts of undici',
  setup(build) {
    build.onLoad({ filter: /[\\/]node_modules[\\/]undici[\\/]index\.js$/ }, () => ({
      contents: [
        `export { default as Agent } from './lib/dispatcher/agent.js';`,
        `export { default as errors } from './lib/core/errors.js';`,
      ].join('\n'),
    }));
  },
};

/** Leaves out the experimental second HTTP parser of undici, 200 KB, as the build of undici in Node does. */
const undiciWithoutMilo = { esbuildDetection: 'true' };

const esModuleBanner = [
  `import { createRequire as bannerCreateRequire } from 'node:module';`,
  `const require = bannerCreateRequire(import.meta.url);`,
].join('\n');

/** In a split bundle, a dynamic import of a CommonJS module gives the default export only. */
function refuseLazyCommonJs(inputs: Metafile['inputs']): void {
  for (const [file, { imports }] of Object.entries(inputs)) {
    const lazy = imports.find(
      ({ kind, path }) => kind === 'dynamic-import' && inputs[path]?.format === 'cjs',
    );
    if (lazy) throw new LocalError(`${file}: import ${lazy.path} statically, it is a CommonJS module`);
  }
}

type BuildFile = Pick<OutputFile, 'path' | 'contents'>;

/** What `shared/platform/config/buildInfo.ts` reads: which build this is, by a digest of its code. */
async function buildInfo(outDir: string, outputs: readonly OutputFile[]): Promise<BuildFile> {
  const digest = createHash('sha256');
  const code = outputs.filter(({ path }) => path.endsWith('.js'));
  for (const { path, contents } of code.sort((a, b) => (a.path < b.path ? -1 : 1)))
    digest.update(basename(path)).update('\0').update(contents);
  const info = {
    version: packageJson.version,
    build: digest.digest('hex').slice(0, 16),
    fingerprintKey: await fingerprintKey(),
  };
  return { path: join(outDir, 'build.json'), contents: Buffer.from(`${JSON.stringify(info, null, 2)}\n`) };
}

/**
 * Returns the key of the checkout's fingerprints. Both apps are deployed from one package, so that they share the key, and
 * it is not stored beside the fingerprints. A second build in the same checkout has the same key.
 */
async function fingerprintKey(): Promise<string> {
  const path = join(root, '.local/fingerprintKey');
  const aside = `${path}.${process.pid}`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(aside, randomBytes(32).toString('base64url'), { mode: 0o600 });
  // Of two builds at the same time, the first one that links the file wins.
  await link(aside, path).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
  await rm(aside);
  return readFile(path, 'utf8');
}

/** Writes another file and renames it. Returns false, without writing, when the content has not changed. */
async function replaceFile({ path, contents }: BuildFile): Promise<boolean> {
  const present = await readFile(path).catch(() => undefined);
  if (present?.equals(contents)) return false;
  const aside = `${path}.${process.pid}`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(aside, contents);
  await rename(aside, path);
  return true;
}

/** Removes the files of earlier builds. Returns false when there are none. */
async function keepOnly(folder: string, files: ReadonlySet<string>): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const left = entries
    .filter((entry) => entry.isFile() && /\.js(\.map)?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !files.has(path));
  await Promise.all(left.map((path) => rm(path, { force: true })));
  return left.length > 0;
}

if (import.meta.main) {
  await buildApps().then(
    () => {
      console.log(`Built ${relative(process.cwd(), join(root, 'dist/main.js'))}`);
    },
    (error: unknown) => {
      console.error(error instanceof LocalError ? `npm run build: ${error.message}` : error);
      process.exit(1);
    },
  );
}
