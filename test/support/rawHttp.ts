import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawReply {
  /** 0 when the connection ended without an answer. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

export const openRaw = async (port: number): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  return socket;
};

/** Writes a request as it stands, in UTF-8, on a connection of its own; resolves with the whole answer. */
export async function sendRaw(port: number, request: string): Promise<RawReply> {
  const socket = await openRaw(port);
  socket.write(request);
  return replyOf(socket);
}

/** The answer on a connection, once it is whole or the connection has ended. Closes the connection. */
export function replyOf(socket: Socket): Promise<RawReply> {
  let text = '';
  const { promise, resolve } = Promise.withResolvers<RawReply>();
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    text += chunk;
    if (isWhole(text)) socket.destroy();
  });
  // Cut off: what has come is the answer.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
    resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body });
  });
  return promise;
}

function isWhole(text: string): boolean {
  const [head = '', body] = text.split(/\r\n\r\n(.*)/s);
  if (body === undefined) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  return length === undefined ? body.endsWith('0\r\n\r\n') : body.length >= Number(length);
}
