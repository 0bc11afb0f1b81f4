import { canAnswer } from '../protocol/clientFeatures.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import {
  FEED_READY_TIMEOUT_MS,
  FEED_RETRY_MS,
  LISTEN_TIMEOUT_MS,
  MAX_MRTR_REQUESTS,
  SIDE_STREAM_LINGER_MS,
} from '../protocol/limits.ts';
import type { Answer, AnswerItem } from './answer.ts';
import { messagesIn, readEvents } from './exchange.ts';
import { UpstreamFault } from './fault.ts';
import { answerAsNobody, type LegacySession } from './legacySession.ts';

/**
 * The server requests that a legacy server sends beside the stream of a call, on the listening stream of its session (2025-11-25,
 * transports, Listening for Messages from the Server). The gateway listens while calls of the session run, and a little longer.
 * Such a request names no call, so it becomes part of the newest one. All calls of the session have the same caller.
 */
export interface SideRequests {
  /**
   * Makes a call, and adds to its answer the server requests that come until it ends or `signal` aborts. @throws what `ask`
   * throws
   */
  during(ask: () => Promise<Answer>, signal: AbortSignal): Promise<Answer>;
}

/** The side requests of a running call. */
interface Waiting {
  readonly items: AnswerItem[];
  wake: () => void;
}

const bySession = new WeakMap<LegacySession, SideRequests>();

/** Returns the side requests of a session. `take` takes a place for its stream and returns the function that gives it back. */
export function sideRequestsOf(
  session: LegacySession,
  capabilities: JsonObject,
  take: () => () => void,
): SideRequests {
  let known = bySession.get(session);
  if (known === undefined) bySession.set(session, (known = createSideRequests(session, capabilities, take)));
  return known;
}

function createSideRequests(
  session: LegacySession,
  capabilities: JsonObject,
  take: () => () => void,
): SideRequests {
  const calls: Waiting[] = [];
  let stream: { readonly abort: AbortController; readonly ready: Promise<unknown> } | undefined;
  let reopenAt = 0;
  let lingering: NodeJS.Timeout | undefined;

  function open(): NonNullable<typeof stream> {
    const abort = new AbortController();
    const { promise: isOpen, resolve } = Promise.withResolvers<undefined>();
    const ended = read(abort.signal, () => {
      resolve(undefined);
    }).then((retryMs) => {
      reopenAt = performance.now() + retryMs;
      stream = undefined;
      resolve(undefined);
    });
    const timeout = new Promise((done) => setTimeout(done, FEED_READY_TIMEOUT_MS).unref());
    return { abort, ready: Promise.race([isOpen, ended, timeout]) };
  }

  /** Reads the stream to its end. Returns the milliseconds until it may be opened again. */
  async function read(signal: AbortSignal, onOpen: () => void): Promise<number> {
    let leave: (() => void) | undefined;
    try {
      leave = take();
      const reply = await session.listen(signal);
      reply.idleMs = LISTEN_TIMEOUT_MS;
      session.isListening = true;
      onOpen();
      for await (const event of readEvents(reply)) {
        for (const message of messagesIn(event)) {
          if (message.kind !== 'request') continue;
          const { request } = message;
          const newest = calls.at(-1);
          // A server cannot name the call of a request on this stream, so the request counts as part of a tool call.
          const isFor = newest && canAnswer(capabilities, request.method, 'tools/call');
          if (isFor && newest.items.length < MAX_MRTR_REQUESTS) {
            const replyTo = { kind: 'session', session: session.id, version: session.version } as const;
            newest.items.push({ kind: 'request', request, replyTo });
            newest.wake();
          } else await session.notify(answerAsNobody(request), signal);
        }
      }
      return 0;
    } catch (error) {
      // With 405 a server says that it never offers such a stream.
      if (error instanceof UpstreamFault && error.status === 405) return Infinity;
      return FEED_RETRY_MS;
    } finally {
      session.isListening = false;
      leave?.();
    }
  }

  function end(call: Waiting): void {
    const index = calls.indexOf(call);
    if (index !== -1) calls.splice(index, 1);
    clearTimeout(lingering);
    if (calls.length > 0) return;
    lingering = setTimeout(() => stream?.abort.abort(), SIDE_STREAM_LINGER_MS).unref();
  }

  return {
    async during(ask, signal) {
      clearTimeout(lingering);
      const own: Waiting = { items: [], wake: () => undefined };
      calls.push(own);
      const onEnd = () => {
        signal.removeEventListener('abort', onEnd);
        end(own);
      };
      // Nobody reads on in an answer after the abort of its call.
      signal.addEventListener('abort', onEnd, { once: true });
      try {
        if (stream === undefined && performance.now() >= reopenAt) stream = open();
        await stream?.ready;
        const arrived = new Promise<undefined>((wake) => {
          own.wake = () => {
            wake(undefined);
          };
        });
        const asked = ask();
        const first = await Promise.race([asked, arrived]);
        if (first?.kind === 'whole') {
          onEnd();
          return first;
        }
        return { kind: 'stream', items: merged(own, itemsOf(asked), onEnd) };
      } catch (error) {
        onEnd();
        throw error;
      }
    },
  };
}

async function* itemsOf(asked: Promise<Answer>): AsyncGenerator<AnswerItem, void, undefined> {
  const answer = await asked;
  if (answer.kind === 'stream') yield* answer.items;
  else yield { kind: 'outcome', outcome: answer.outcome };
}

async function* merged(
  own: Waiting,
  items: AsyncGenerator<AnswerItem, void, undefined>,
  onEnd: () => void,
): AsyncGenerator<AnswerItem, void, undefined> {
  try {
    let next = items.next();
    for (;;) {
      // While the call is held, nobody awaits the next item.
      next.catch(() => undefined);
      const arrived = new Promise<undefined>((wake) => {
        own.wake = () => {
          wake(undefined);
        };
      });
      const side = own.items.shift();
      if (side) {
        yield side;
        continue;
      }
      const item = await Promise.race([next, arrived]);
      if (item === undefined) continue;
      if (item.done === true) return;
      yield item.value;
      next = items.next();
    }
  } finally {
    onEnd();
    // An abort of the call ends a read that is under way.
    void items.return().catch(() => undefined);
  }
}
