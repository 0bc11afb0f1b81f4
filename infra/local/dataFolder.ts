import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { portsFor } from './defaults.ts';
import { LocalError } from './localError.ts';
import { isFree } from './ports.ts';

/** Everything that a start keeps: storage, queues, the issuer's key, the sealing key, logs. */
export interface DataFolder {
  readonly logDir: string;
  readonly sealingKey: string;
}

/** Changes when a version cannot read the folders of the one before it. A folder without the file has layout 1. */
const LAYOUT = 1;
const layoutSchema = z.object({ layout: z.number(), portOffset: z.number() });

/**
 * Prepares the data folder: creates what is missing and empties the logs.
 * @throws LocalError with one line when it cannot be used: another layout, in use, or not writable.
 */
export async function openDataFolder(dataDir: string, portOffset: number): Promise<DataFolder> {
  const logDir = join(dataDir, 'logs');
  try {
    await claim(dataDir, portOffset);
    await rm(logDir, { recursive: true, force: true });
    await mkdir(logDir, { recursive: true });
    return { logDir, sealingKey: await loadSealingKey(join(dataDir, 'sealingKey')) };
  } catch (cause) {
    if (cause instanceof LocalError || !(cause instanceof Error && 'code' in cause)) throw cause;
    throw new LocalError(
      `Cannot write to the data folder ${dataDir} (${cause.message}). ` +
        'Make it writable, or choose another folder: npm start -- --data DIR',
      { cause },
    );
  }
}

/** Writes down the layout, and the ports by which a later start can tell that the folder is in use. */
async function claim(dataDir: string, portOffset: number): Promise<void> {
  const file = join(dataDir, 'layout.json');
  const found = layoutSchema.safeParse(await readJson(file));
  const { layout, portOffset: usedOffset } = found.success ? found.data : { layout: LAYOUT, portOffset };
  if (layout !== LAYOUT) {
    throw new LocalError(
      `The data folder ${dataDir} has layout ${layout}, and this version uses layout ${LAYOUT}. ` +
        'Choose another folder (npm start -- --data DIR), or delete this one to start empty.',
    );
  }
  if (usedOffset !== portOffset && !(await isFree(portsFor(usedOffset).serviceBus))) {
    throw new LocalError(
      `The data folder ${dataDir} is in use by a start with --port-offset ${usedOffset}. ` +
        'Stop that one, or choose another folder: npm start -- --data DIR',
    );
  }
  await mkdir(dataDir, { recursive: true });
  await writeFile(file, JSON.stringify({ layout: LAYOUT, portOffset }));
}

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
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return key;
}

async function readFileIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
