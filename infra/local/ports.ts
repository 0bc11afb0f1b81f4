import { connect, createServer } from 'node:net';
import { maxPortOffset } from './defaults.ts';
import { LocalError } from './localError.ts';

/** A port and what it is for. */
export type NamedPort = readonly [name: string, port: number];

/** @throws LocalError that names each port that is in use, and the process that needs it. */
export async function requireFreePorts(wanted: readonly NamedPort[], portOffset: number): Promise<void> {
  const checked = await Promise.all(
    wanted.map(async ([name, port]) => ((await isFree(port)) ? undefined : `${port} (${name})`)),
  );
  const taken = checked.filter((port) => port !== undefined);
  if (taken.length === 0) return;
  const [ports, are, them] = taken.length === 1 ? ['Port', 'is', 'it'] : ['Ports', 'are', 'them'];
  throw new LocalError(
    `${ports} ${taken.join(', ')} ${are} already in use. Stop what uses ${them}, ` +
      `or move every port: npm start -- --port-offset ${(portOffset + 100) % maxPortOffset}`,
  );
}

/** Returns whether a server can listen on this port of the loopback address. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
    });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false;
    throw error;
  } finally {
    server.close();
  }
}

/** Returns whether a server accepts connections on this port. */
export function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('error', () => {
      resolve(false);
    });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
