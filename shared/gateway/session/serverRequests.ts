import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Actor } from '../../identity/access/actor.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { type ExactNumber, isExactNumber } from '../../platform/base/exactJson.ts';
import type { Seal } from '../../platform/security/seal.ts';
import { stateBounds } from '../../platform/state/stateBounds.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { idForServer, type Outcome, type RequestId } from '../protocol/jsonRpc.ts';
import { ANSWER_POLL_MS, PERSON_TIMEOUT_MS } from '../protocol/limits.ts';
import type { ReplyTo } from '../upstream/answer.ts';
import type { ClientSession } from '../upstream/connection.ts';
import type { WaitForAnswer } from '../upstream/mrtr.ts';
import { closeToken, openToken } from './clientToken.ts';

/** Where the answer to a server request goes: to the server's session, or to a call that waits for it (MRTR). */
const targetSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('session'),
    slug: z.string(),
    session: z.string().optional(),
    version: z.string(),
    id: z.union([z.string(), z.number(), z.custom<ExactNumber>(isExactNumber)]),
    in: z.string(),
  }),
  z.object({ kind: z.literal('held'), ticket: z.string(), in: z.string() }),
]);
type Target = z.infer<typeof targetSchema>;

/**
 * Server requests to clients: elicitation, sampling and roots. The id for the client is a sealed token that says where the answer
 * goes, so any instance can receive the answer.
 */
export interface ServerRequests {
  /** Returns the id of a server request for the client. */
  idFor(
    owner: Actor,
    client: ClientSession,
    asked: { slug: string; id: RequestId; replyTo: ReplyTo },
  ): string;
  /** Begins to wait for an answer that a call of this instance needs. */
  readonly wait: WaitForAnswer;
  /** Returns where an answer goes, or `undefined` when the client got no such request. */
  targetOf(owner: Actor, client: ClientSession, id: RequestId): Target | undefined;
  /** Delivers an answer to the waiting call, on any instance. `too_large`: the answer is too long for the shared state. */
  answer(ticket: string, outcome: Outcome): Promise<'taken' | 'too_large'>;
  /** Takes back an answer. Returns false when the waiting call has it already. */
  withdraw(ticket: string): Promise<boolean>;
}

const outcomeSchema = z.union([
  z.object({ result: z.record(z.string(), z.unknown()) }),
  z.object({ error: z.looseObject({ code: z.number(), message: z.string() }) }),
]);

export function createServerRequests({
  state,
  seal,
}: {
  readonly state: StateStore;
  readonly seal: Seal;
}): ServerRequests {
  /** Calls of this instance that wait, by ticket. */
  const here = new Map<string, (outcome: Outcome) => void>();
  const keyOf = (ticket: string) => `mreg:mcp:answer:${ticket}`;

  async function poll(ticket: string, signal: AbortSignal): Promise<Outcome | undefined> {
    const until = performance.now() + PERSON_TIMEOUT_MS;
    const woken = new Promise<Outcome>((wake) => here.set(ticket, wake));
    try {
      while (!signal.aborted && performance.now() < until) {
        const outcome = await Promise.race([woken, pause(ANSWER_POLL_MS)]);
        if (outcome) return outcome;
        const sealed = await ifAvailable(state.get(keyOf(ticket)));
        if (sealed === undefined) continue;
        const elsewhere = outcomeSchema.safeParse(seal.open('answer', [ticket], sealed));
        if (!elsewhere.success) continue;
        // Whoever deletes the answer has it: this call, or the instance that withdraws it.
        return (await state.delete(keyOf(ticket))) === 'deleted' ? elsewhere.data : undefined;
      }
      return undefined;
    } finally {
      here.delete(ticket);
    }
  }

  return {
    idFor: (owner, client, { slug, id, replyTo }) =>
      closeToken(
        seal,
        'question',
        owner,
        replyTo.kind === 'held'
          ? { kind: 'held', ticket: `${idForServer(id)}`, in: client.id }
          : { ...replyTo, slug, id, in: client.id },
      ),
    wait(signal) {
      const ticket = randomBytes(16).toString('hex');
      const answer = poll(ticket, signal);
      // The caller awaits several answers one after another. An outage must not be an unhandled rejection of the others.
      answer.catch(() => undefined);
      return { ticket, answer };
    },
    targetOf(owner, client, id) {
      const content = typeof id === 'string' ? openToken(seal, 'question', owner, id) : undefined;
      const target = targetSchema.safeParse(content).data;
      return target?.in === client.id ? target : undefined;
    },
    async answer(ticket, outcome) {
      const wake = here.get(ticket);
      if (wake) {
        wake(outcome);
        return 'taken';
      }
      // The answer of a person may be a secret, so it is sealed.
      const text = seal.close('answer', [ticket], outcome);
      if (Buffer.byteLength(text) > stateBounds.valueBytes) return 'too_large';
      await state.set(keyOf(ticket), text, PERSON_TIMEOUT_MS);
      return 'taken';
    },
    withdraw: async (ticket) => (await state.delete(keyOf(ticket))) === 'deleted',
  };
}

/** Returns `undefined` during an outage of the state: it may end while a person still reads the question. */
async function ifAvailable<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof InfrastructureError) return undefined;
    throw error;
  }
}

const pause = (ms: number): Promise<undefined> =>
  new Promise((resume) => {
    setTimeout(() => {
      resume(undefined);
    }, ms);
  });
