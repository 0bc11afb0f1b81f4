import { CALL_TIMEOUT_MS, HOLDER_TIMEOUT_MS } from '../protocol/limits.ts';
import type { AnswerItem } from '../upstream/answer.ts';
import { UpstreamFault } from '../upstream/fault.ts';
import { NO_LONGER_HELD } from './inputRequired.ts';
import type { ServerRequests } from './serverRequests.ts';

/**
 * Lets another instance, which holds a call, go on with it, and yields its outcome. An instance that does not take the client's
 * input in time counts as dead: the input is withdrawn, and the call is no longer held. An instance that dies later is waited for
 * as long as it may take for the call. @throws UpstreamFault
 */
export async function* resumeElsewhere(
  ticket: string,
  inputResponses: unknown,
  serverRequests: Pick<ServerRequests, 'wait' | 'answer' | 'withdraw'>,
  signal: AbortSignal,
): AsyncGenerator<AnswerItem, void, undefined> {
  const ended = new AbortController();
  const reply = serverRequests.wait(AbortSignal.any([signal, ended.signal]));
  const limit = setTimeout(() => {
    ended.abort();
  }, HOLDER_TIMEOUT_MS + CALL_TIMEOUT_MS);
  let timer: NodeJS.Timeout | undefined;
  try {
    const sent = await serverRequests.answer(ticket, { result: { inputResponses, replyTo: reply.ticket } });
    if (sent === 'too_large')
      throw new UpstreamFault('too_large', 'cannot get input responses of this length');
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, HOLDER_TIMEOUT_MS, 'late');
    });
    const first = await Promise.race([reply.answer, late]);
    // The holder that has taken the input may need longer for its outcome.
    const isLost = first === 'late' && (await serverRequests.withdraw(ticket));
    // A holder that was only slow ends the call at its server.
    if (isLost) await serverRequests.answer(ticket, NO_LONGER_HELD);
    const outcome = isLost ? NO_LONGER_HELD : await reply.answer;
    if (outcome === undefined) throw new UpstreamFault('timeout', 'did not answer in time');
    yield { kind: 'outcome', outcome };
  } finally {
    clearTimeout(timer);
    clearTimeout(limit);
    ended.abort();
  }
}
