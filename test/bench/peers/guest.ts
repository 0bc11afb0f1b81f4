import { once } from 'node:events';
import { connect as openSocket } from 'node:net';
import { eraSchema } from '../bareServer.ts';
import { readOptions, WrongOptions } from '../command.ts';
import { connect, type Endpoint } from '../mcpClient.ts';
import type { Peer } from './peers.ts';

const CONNECT_MS = 5_000;

/** An endpoint with a name for the tables. */
export type Named = Endpoint &
  Pick<Peer, 'name' | 'note'> &
  Partial<Pick<Peer, 'passesEvents' | 'startsProcesses'>>;

/** An endpoint that already runs before the bench starts. */
export type Guest = Named & Pick<Peer, 'eras'>;

/** Returns the endpoint that the arguments name, if any. @throws WrongOptions on arguments that make no sense */
export function guestOf(args: string[]): Guest | undefined {
  const { values } = readOptions(args, {
    url: { type: 'string' },
    name: { type: 'string' },
    prefix: { type: 'string' },
    header: { type: 'string', multiple: true },
    era: { type: 'string', multiple: true },
  });
  const { url, name = 'guest', prefix = '', header = [], era = ['legacy'] } = values;
  if (url === undefined) {
    const [alone] = Object.keys(values);
    if (alone !== undefined) throw new WrongOptions(`--${alone} needs --url`);
    return undefined;
  }
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new WrongOptions(`--url must be a URL with http or https, not "${url}"`);
  const headers = Object.fromEntries(header.map(headerOf));
  const eras = era.map((one) => {
    const { data } = eraSchema.safeParse(one);
    if (data === undefined) throw new WrongOptions(`--era must be legacy or modern, not "${one}"`);
    return data;
  });
  return { url, name, note: 'runs elsewhere', prefix, headers, eras };
}

function headerOf(header: string): [name: string, value: string] {
  const [, name, value] = /^([\w-]+):\s*(.+)$/.exec(header) ?? [];
  // The value may be a token, so the message does not repeat it.
  if (name === undefined || value === undefined) throw new WrongOptions(`--header must be 'NAME: VALUE'`);
  return [name, value];
}

/** Resolves when the endpoint answers a client of 2025-11-25, or, if it speaks only 2026-07-28, accepts a connection. @throws WrongOptions */
export async function checkGuest(guest: Guest): Promise<void> {
  const { hostname, port, protocol } = new URL(guest.url);
  const socket = openSocket(
    Number(port) || (protocol === 'https:' ? 443 : 80),
    hostname.replace(/^\[|\]$/g, ''),
  );
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    if (guest.eras.includes('legacy')) await connect(guest, 'legacy', 1);
  } catch (error) {
    throw new WrongOptions(`${guest.name} does not answer at ${guest.url}: ${reasonOf(error)}`);
  } finally {
    socket.destroy();
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'AbortError') return `no connection within ${CONNECT_MS / 1_000} seconds`;
  if ('code' in error && error.code === 'ECONNREFUSED') return 'connection refused';
  return (error.cause instanceof Error ? error.cause.message : error.message).split('\n', 1)[0] ?? '';
}
