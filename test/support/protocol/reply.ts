import type { IncomingMessage } from 'node:http';
import type { Json } from './offers.ts';

/** One request, as a test server got it. */
export interface Received {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  /** The body as it came, and what it parsed to. */
  readonly body: string;
  readonly message: Json | undefined;
  readonly rpc: string;
}

/** An answer before it is sent, which a test may break. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  /** Sent as JSON, or as an event. */
  message?: Json;
  /** More messages, which are events before the answer. */
  before?: Json[];
  /** Sent as it stands, in place of the message. */
  raw?: string | Buffer;
  /** The connection stays open after the last byte. */
  open?: boolean;
  /** Nothing is sent at all. */
  silent?: boolean;
}

export type Tamper = (reply: Reply, received: Received) => void;

export function answer(status: number, message?: Json): Reply {
  return message === undefined
    ? { status, headers: {} }
    : { status, headers: { 'content-type': 'application/json' }, message };
}
