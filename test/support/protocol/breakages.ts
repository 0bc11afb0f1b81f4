import type { Json } from './offers.ts';
import type { Reply, Tamper } from './reply.ts';

/** One way to break the protocol, and the check that must name it. */
export interface Breakage {
  readonly check: string;
  readonly era: 'legacy' | 'modern';
  readonly why: string;
  readonly form?: 'json' | 'events';
  /** What cannot be broken without it. */
  readonly also?: readonly string[];
  readonly newSession?: () => string;
  readonly tamper: Tamper;
}

export const legacy = (check: string, why: string, tamper: Tamper): Breakage => ({
  check,
  era: 'legacy',
  why,
  tamper,
});
export const modern = (check: string, why: string, tamper: Tamper): Breakage => ({
  check,
  era: 'modern',
  why,
  tamper,
});
export const inBoth = (check: string, why: string, tamper: Tamper): Breakage[] => [
  legacy(check, why, tamper),
  modern(check, why, tamper),
];
export const streamed = (breakage: Breakage): Breakage => ({ ...breakage, form: 'events' });

/** Breaks the answers to one method. */
export const on =
  (rpc: string, change: Tamper): Tamper =>
  (reply, received) => {
    if (received.rpc === rpc) change(reply, received);
  };
/** Those that are results. */
export const onResult = (rpc: string, change: Tamper): Tamper =>
  on(rpc, (reply, received) => {
    if (reply.message && 'result' in reply.message) change(reply, received);
  });
/** Where the text of a request holds something. */
export const whenBody =
  (part: string, change: Tamper): Tamper =>
  (reply, received) => {
    if (received.body.includes(part)) change(reply, received);
  };
/** Where a header of a request has a value; undefined where it is missing. */
export const whenHeader =
  (name: string, value: string | undefined, change: Tamper): Tamper =>
  (reply, received) => {
    if (received.headers[name] === value) change(reply, received);
  };
/** The second time that a method is asked without a cursor. */
export function secondTime(rpc: string, change: Tamper): Tamper {
  let times = 0;
  return on(rpc, (reply, received) => {
    if (received.body.includes('"cursor"')) return;
    times += 1;
    if (times === 2) change(reply, received);
  });
}

/** Puts a value to a path of the answer, as `result.tools.0.name`; undefined takes away what is there. */
export const put =
  (path: string, value: unknown): Tamper =>
  ({ message }) => {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    let holder: unknown = message;
    for (const key of keys) holder = isHolder(holder) ? holder[key] : undefined;
    if (!isHolder(holder)) return;
    if (value === undefined) Reflect.deleteProperty(holder, last);
    else holder[last] = value;
  };
const isHolder = (value: unknown): value is Json => typeof value === 'object' && value !== null;

export const all =
  (...changes: readonly Tamper[]): Tamper =>
  (reply, received) => {
    for (const change of changes) change(reply, received);
  };
export const set =
  (change: Partial<Reply>): Tamper =>
  (reply) => {
    Object.assign(reply, change);
  };
export const status = (code: number): Tamper => set({ status: code });
export const header =
  (name: string, value: string): Tamper =>
  (reply) => {
    reply.headers[name] = value;
  };
/** What is sent in place of the message. */
export const raw =
  (write: (message: string) => string | Buffer): Tamper =>
  (reply) => {
    reply.raw = write(JSON.stringify(reply.message));
  };
export const before = (message: Json): Tamper => set({ before: [{ jsonrpc: '2.0', ...message }] });

const served = { 'content-type': 'application/json' };
/** Whatever it was, it is served with this result. */
export const serve =
  (result: Json): Tamper =>
  (reply, { message }) => {
    const answered = { jsonrpc: '2.0', id: message?.['id'] ?? null, result };
    Object.assign(reply, { status: 200, headers: { ...served }, message: answered });
  };
/** Whatever it was, it is refused with this code. */
export const refuse =
  (code: number, httpStatus = 200, data?: Json): Tamper =>
  (reply, { message }) => {
    const error = { code, message: 'refused', ...(data && { data }) };
    const answered = { jsonrpc: '2.0', id: message?.['id'] ?? null, error };
    Object.assign(reply, { status: httpStatus, headers: { ...served }, message: answered });
  };
