import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { portsFor } from './defaults.ts';
import { type FolderLock, lockFolder } from './folderLock.ts';
import { LocalError } from './localError.ts';
import { isFree } from './ports.ts';

/** Everything that a start keeps: storage, queues, the issuer's key, the sealing key, logs. */
export interface DataFolder {
  readonly logDir: string;
  readonly sealingKey: string;
  /** Lets another start use the folder. The end of this process does it too. */
  readonly release: () => void;
}

/** Changes when a version cannot read the folders of the one before it. A folder without the file has layout 1. */
const LAYOUT = 1;
const layoutSchema = z.object({ layout: z.number(), portOffset: z.number() });

/**
 * Prepares the data folder: locks it for this process, creates what is missing and empties the logs.
 * @throws LocalError with one line when it cannot be used: another layout, in use, not a folder, or not writable.
 */
export async function openDataFolder(dataDir: string, portOffset: number): Promise<DataFolder> {
  let lock: FolderLock | undefined;
  try {
    // A folder of another layout stays unchanged, and a new one has none.
    await checkLayout(dataDir);
    await makeFolder(dataDir);
    lock = await lockUnused(dataDir, portOffset);
    await writeFile(layoutFile(dataDir), JSON.stringify({ layout: LAYOUT, portOffset }));
    const logDir = join(dataDir, 'logs');
    await rm(logDir, { recursive: true, force: true });
    await mkdir(logDir);
    return { logDir, sealingKey: await loadSealingKey(join(dataDir, 'sealingKey')), release: lock.release };
  } catch (cause) {
    lock?.release();
    if (cause instanceof LocalError || !(cause instanceof Error && 'code' in cause)) throw cause;
    if (hasCode(cause, 'ENOTDIR'))
      throw new LocalError(
        `The data folder ${dataDir} is a file, or is below a file. Choose another folder: npm start -- --data DIR`,
        { cause },
      );
    throw new LocalError(
      `Cannot write to the data folder ${dataDir} (${cause.message}). ` +
        'Make it writable, or choose another folder: npm start -- --data DIR',
      { cause },
    );
  }
}

const layoutFile = (dataDir: string): string => join(dataDir, 'layout.json');

/** Returns what the last start wrote down. */
async function readLayout(dataDir: string): Promise<z.infer<typeof layoutSchema> | undefined> {
  return layoutSchema.safeParse(await readJson(layoutFile(dataDir))).data;
}

async function checkLayout(dataDir: string): Promise<void> {
  const { layout } = (await readLayout(dataDir)) ?? { layout: LAYOUT };
  if (layout === LAYOUT) return;
  throw new LocalError(
    `The data folder ${dataDir} has layout ${layout}, and this version uses layout ${LAYOUT}. ` +
      'Choose another folder (npm start -- --data DIR), or delete this one to start empty.',
  );
}

/**
 * Returns the lock of the folder, if no other start uses it. A start that was killed has no lock any more, while its broker
 * may still be stopping. So the port of the last start's broker must be free too.
 */
async function lockUnused(dataDir: string, portOffset: number): Promise<FolderLock> {
  const lock = await lockFolder(dataDir);
  const { portOffset: usedOffset } = (await readLayout(dataDir)) ?? { portOffset };
  const isStopping = usedOffset !== portOffset && !(await isFree(portsFor(usedOffset).serviceBus));
  if (lock && !isStopping) return lock;
  lock?.release();
  throw new LocalError(
    `The data folder ${dataDir} is in use by a start with --port-offset ${usedOffset}. ` +
      'Stop that one, or choose another folder: npm start -- --data DIR',
  );
}

/** Creates the folder and those above it. The recursive `mkdir` of Node never ends below `/proc`. */
async function makeFolder(folder: string): Promise<void> {
  const make = () =>
    mkdir(folder).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error;
    });
  try {
    await make();
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await make();
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

async function readJson(file: string): Promise<unknown> {
  const text = await readFileIfThere(file);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the key in the file. Creates the file with a new key, so that a restart opens what was sealed. */
export async function loadSealingKey(file: string): Promise<string> {
  const kept = await readFileIfThere(file);
  if (kept !== undefined) return kept.trim();
  const key = randomBytes(32).toString('base64');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return key;
}

async function readFileIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
