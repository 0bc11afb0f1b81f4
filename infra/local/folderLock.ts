import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The lock of one folder. The operating system releases it when this process ends, however it ends. */
export interface FolderLock {
  readonly release: () => void;
}

/**
 * Locks the folder against every other process of this machine, also if that process uses another path to it. Returns
 * `undefined` when another process holds the lock. The lock is a local socket that listens and serves nobody.
 */
export async function lockFolder(folder: string): Promise<FolderLock | undefined> {
  const { dev, ino } = await stat(folder, { bigint: true });
  const name = `mcp-registry-gateway-${dev}-${ino}`;
  const address = await freeAddress(name);
  const server = createServer((socket) => socket.destroy());
  try {
    await once(server.listen(address), 'listening');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return { release: () => void server.close() };
}

/** Names that begin with NUL on Linux and pipes of Windows end with their process. Elsewhere the file of a dead process stays. */
async function freeAddress(name: string): Promise<string> {
  if (process.platform === 'linux') return `\0${name}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  const file = join(tmpdir(), `${name}.sock`);
  if (!(await answers(file))) await rm(file, { force: true });
  return file;
}

async function answers(file: string): Promise<boolean> {
  const socket = connect(file);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
