import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Principal } from '../../identity/access/actor.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { stateBounds } from '../../platform/state/stateBounds.ts';
import type { Outcome, RequestId } from '../protocol/jsonRpc.ts';
import { PERSON_WITHIN_MS, type ReplyTo } from '../upstream/answer.ts';
import type { ClientSession } from './clientSessions.ts';
import { closeToken, openToken } from './clientToken.ts';

/** Where the answer to a question goes. */
const targetSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('session'),
    slug: z.string(),
    session: z.string().optional(),
    version: z.string(),
    id: z.union([z.string(), z.number()]),
    in: z.string(),
  }),
  z.object({ kind: z.literal('held'), ticket: z.string(), in: z.string() }),
]);
type Target = z.infer<typeof targetSchema>;

/** A call of ours that waits for the client's answer to what its server asked. */
export interface Waiting {
  /** Names the question to the client. */
  readonly ticket: string;
  /** What the client answered; undefined when it did not in time, or the call was given up. */
  readonly answer: Promise<Outcome | undefined>;
}

/**
 * Questions of servers to clients. The id that the client is asked under says, sealed, where its answer goes, so that the
 * answer may come to any instance.
 */
export interface Questions {
  /** Returns the id under which the client is asked. */
  idFor(
    owner: Principal,
    client: ClientSession,
    question: { slug: string; id: RequestId; replyTo: ReplyTo },
  ): string;
  /** Begins to wait for an answer that is for us. */
  wait(signal: AbortSignal): Waiting;
  /** Returns where an answer goes, or `undefined` when the client was never asked this. */
  targetOf(owner: Principal, client: ClientSession, id: RequestId): Target | undefined;
  /** Gives an answer to the call that waits for it, on whichever instance. `too_large`: only that instance could take it. */
  answer(ticket: string, outcome: Outcome): Promise<'taken' | 'too_large'>;
}

const LOOK_EVERY_MS = 500;
const outcomeSchema = z.union([
  z.object({ result: z.record(z.string(), z.unknown()) }),
  z.object({ error: z.looseObject({ code: z.number(), message: z.string() }) }),
]);

export function createQuestions({
  state,
  seal,
}: {
  readonly state: StateStore;
  readonly seal: Seal;
}): Questions {
  /** Those who wait here. */
  const here = new Map<string, (outcome: Outcome) => void>();
  const keyOf = (ticket: string) => `mreg:mcp:answer:${ticket}`;

  async function lookFor(ticket: string, signal: AbortSignal): Promise<Outcome | undefined> {
    const until = performance.now() + PERSON_WITHIN_MS;
    const woken = new Promise<Outcome>((wake) => here.set(ticket, wake));
    try {
      while (!signal.aborted && performance.now() < until) {
        const outcome = await Promise.race([woken, pause(LOOK_EVERY_MS)]);
        if (outcome) return outcome;
        const sealed = await state.get(keyOf(ticket));
        if (sealed === undefined) continue;
        const elsewhere = outcomeSchema.safeParse(seal.open('answer', [ticket], sealed));
        if (elsewhere.success) return elsewhere.data;
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
          ? { kind: 'held', ticket: String(id), in: client.id }
          : { ...replyTo, slug, id, in: client.id },
      ),
    wait(signal) {
      const ticket = randomBytes(16).toString('hex');
      const answer = lookFor(ticket, signal);
      // Of several questions only one is awaited at a time: an outage must not go unhandled at the others.
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
      // A person's answer may be a secret.
      const text = seal.close('answer', [ticket], outcome);
      if (Buffer.byteLength(text) > stateBounds.valueBytes) return 'too_large';
      await state.set(keyOf(ticket), text, PERSON_WITHIN_MS);
      return 'taken';
    },
  };
}

const pause = (ms: number): Promise<undefined> =>
  new Promise((resume) => {
    setTimeout(() => {
      resume(undefined);
    }, ms);
  });
