import { eventResponse } from '../../shared/gateway/protocol/responses.ts';
import { type Plan, hasEnded } from '../../shared/orchestration/model/plan.ts';

/** Azure ends a request after 230 seconds, and that a client has left may not be noticed: it can come back. */
const WATCH_FOR_MS = 200_000;
const LOOK_EVERY_MS = 250;
const COMMENT_EVERY_MS = 15_000;

interface Watched {
  readonly event: Uint8Array;
  readonly last: boolean;
}

/**
 * A plan as Server-Sent Events until it has ended: one for each change, with `plan` as the `event`, the number of the change
 * as the `id` and the whole plan as `data`. Whoever comes back with that number as `Last-Event-ID` gets what changed since.
 * Source: HTML Living Standard, section 9.2.
 */
export function watchPlan(
  plan: Plan,
  read: () => Promise<Plan | undefined>,
  view: (plan: Plan) => object,
  lastEventId: string | null,
): Response {
  const end = performance.now() + WATCH_FOR_MS;
  // An invalid id counts as none.
  let seen = /^\d{1,15}$/.test(lastEventId ?? '') ? Number(lastEventId) : 0;
  let current: Plan | undefined = plan;
  let dropped = false;

  async function next(): Promise<Watched> {
    const commentAt = performance.now() + COMMENT_EVERY_MS;
    while (current && !dropped && performance.now() < end) {
      const last = hasEnded(current);
      if (current.revision > seen) {
        seen = current.revision;
        return said(`event: plan\nid: ${seen}\ndata: ${JSON.stringify(view(current))}\n\n`, last);
      }
      if (last) break;
      if (performance.now() > commentAt) return said(': nothing new\n\n', false);
      await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
      current = await read();
    }
    return said(': the end\n\n', true);
  }

  return eventResponse({
    // A body that fails would never end: the client comes back and asks again.
    next: () => next().catch(() => said(': the end\n\n', true)),
    cancel: () => {
      dropped = true;
    },
  });
}

const said = (text: string, last: boolean): Watched => ({ event: Buffer.from(text), last });
