import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** The connection of one request. */
export interface Carrier {
  /** Numbers from 1. Requests with the same number shared a connection. */
  readonly connection: number;
  readonly tls?: {
    readonly protocol: string;
    readonly cipher: string;
    /** The protocol that ALPN chose; empty for none. */
    readonly alpn: string;
    readonly validTo: string;
  };
}

const SENT = 'undici:client:sendHeaders';

/**
 * Records, until `stop`, the connection of each outbound request that has a header of this value. undici announces each request
 * on a diagnostics channel.
 */
export function watchConnections(headerValue: string): {
  readonly carriers: readonly Carrier[];
  stop(): void;
} {
  const carriers: Carrier[] = [];
  const sockets: Socket[] = [];
  const onSent = (message: unknown) => {
    if (!isAnnouncement(message) || !message.headers.includes(headerValue)) return;
    const { socket } = message;
    if (!sockets.includes(socket)) sockets.push(socket);
    const tls = socket instanceof TLSSocket ? tlsOf(socket) : undefined;
    carriers.push({ connection: sockets.indexOf(socket) + 1, ...(tls && { tls }) });
  };
  subscribe(SENT, onSent);
  return {
    carriers,
    stop: () => {
      unsubscribe(SENT, onSent);
    },
  };
}

const isAnnouncement = (message: unknown): message is { headers: string; socket: Socket } =>
  typeof message === 'object' &&
  message !== null &&
  'headers' in message &&
  typeof message.headers === 'string' &&
  'socket' in message &&
  message.socket instanceof Socket;

const tlsOf = (socket: TLSSocket): NonNullable<Carrier['tls']> => ({
  protocol: socket.getProtocol() ?? '',
  cipher: socket.getCipher().name,
  alpn: socket.alpnProtocol === false ? '' : (socket.alpnProtocol ?? ''),
  validTo: socket.getPeerCertificate().valid_to,
});
