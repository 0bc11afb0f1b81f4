import { eventResponse } from '../../shared/gateway/protocol/sse.ts';
import { hasEnded, type Plan } from '../../shared/orchestration/model/plan.ts';

/** Azure ends a request after 230 seconds. The stream ends before, and the client reconnects. */
const WATCH_FOR_MS = 200_000;
const POLL_EVERY_MS = 250;
const COMMENT_EVERY_MS = 15_000;

interface Watched {
  readonly event: Uint8Array;
  readonly last: boolean;
}

/**
 * Returns a plan as a stream of Server-Sent Events until it has ended. Each change is one event: `plan` is the `event`, the
 * revision is the `id`, the whole plan is the `data`. A client that reconnects with `Last-Event-ID` gets the changes since then.
 * Source: HTML Living Standard, section 9.2.
 */
export function watchPlan(
  plan: Plan,
  read: () => Promise<Plan | undefined>,
  view: (plan: Plan) => object,
  lastEventId: string | null,
): Response {
  const end = performance.now() + WATCH_FOR_MS;
  // An invalid id is ignored.
  let seen = /^\d{1,15}$/.test(lastEventId ?? '') ? Number(lastEventId) : 0;
  let current: Plan | undefined = plan;
  let dropped = false;

  async function next(): Promise<Watched> {
    const commentAt = performance.now() + COMMENT_EVERY_MS;
    while (current && !dropped && performance.now() < end) {
      const last = hasEnded(current);
      if (current.revision > seen) {
        seen = current.revision;
        return message(`event: plan\nid: ${seen}\ndata: ${JSON.stringify(view(current))}\n\n`, last);
      }
      if (last) break;
      if (performance.now() > commentAt) return message(': nothing new\n\n', false);
      await new Promise((done) => setTimeout(done, POLL_EVERY_MS));
      current = await read();
    }
    return message(': the end\n\n', true);
  }

  return eventResponse({
    // A body that fails would never end. The stream ends instead, and the client reconnects.
    next: () => next().catch(() => message(': the end\n\n', true)),
    cancel: () => {
      dropped = true;
    },
  });
}

const message = (text: string, last: boolean): Watched => ({ event: Buffer.from(text), last });
