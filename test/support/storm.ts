import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessName } from '../../infra/local/topology.ts';
import type { TestTopology } from './topology.ts';

interface Request {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A caller of the management app who tries again for as long as the app is away. */
export interface PatientCaller {
  /** Asks under this `Idempotency-Key` until it is accepted. @throws on any refusal below 500. */
  accepted(path: string, key: string, body: object): Promise<Accepted>;
  /** All items of a list, over all of its pages. */
  all(path: string): Promise<readonly unknown[]>;
}

export interface Accepted {
  readonly body: Readonly<Record<string, unknown>>;
  readonly tries: number;
}

interface Page {
  readonly items: readonly unknown[];
  readonly nextCursor?: string;
}

const PAUSE_MS = 50;

export function patientCaller(origin: string, token: string): PatientCaller {
  /** The answer; undefined while the app, or a part that it needs, is away. */
  async function ask(path: string, init: Request = {}): Promise<Response | undefined> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers };
    const response = await fetch(origin + path, { ...init, headers }).catch(() => undefined);
    return response && response.status < 500 ? response : undefined;
  }

  async function page(path: string): Promise<Page> {
    for (;;) {
      const answer = await ask(path);
      const body = (await answer?.json().catch(() => undefined)) as Page | undefined;
      if (body) return body;
      await delay(PAUSE_MS);
    }
  }

  return {
    async accepted(path, key, body) {
      const init = { method: 'POST', headers: { 'idempotency-key': key }, body: JSON.stringify(body) };
      for (let tries = 1; ; tries++) {
        const response = await ask(path, init);
        const text = await response?.text().catch(() => undefined);
        if (response && response.status !== 202)
          throw new Error(`${path} was refused with ${response.status}: ${text ?? ''}`);
        if (text !== undefined) return { body: JSON.parse(text) as Accepted['body'], tries };
        await delay(PAUSE_MS);
      }
    },
    async all(path) {
      const items: unknown[] = [];
      let cursor = '';
      do {
        const query = `${path.includes('?') ? '&' : '?'}limit=100${cursor && `&cursor=${cursor}`}`;
        const found = await page(path + query);
        items.push(...found.items);
        cursor = found.nextCursor ?? '';
      } while (cursor !== '');
      return items;
    },
  };
}

/** Does something `count` times, so many at once; `everyMs`: the n-th not before n times that has passed. */
export async function inLanes<T>(
  count: number,
  { lanes, everyMs = 0 }: { readonly lanes: number; readonly everyMs?: number },
  act: (index: number) => Promise<T>,
): Promise<readonly T[]> {
  const startedAt = performance.now();
  const results: T[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < count; index = next++) {
      await delay(Math.max(0, startedAt + index * everyMs - performance.now()));
      results[index] = await act(index);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

export interface Wreckage {
  /** Before each kill. */
  readonly everyMs: number;
  /** Between the kill and the start. */
  readonly awayMs?: number;
  /** Whether there was enough of it, after so many kills. */
  readonly isOver: (kills: number) => boolean;
}

/** Kills processes with SIGKILL, one after the other, and starts each again. Returns whom it has killed. */
export async function wreak(
  topology: TestTopology,
  victimOf: (round: number) => ProcessName,
  { everyMs, awayMs = 0, isOver }: Wreckage,
): Promise<readonly ProcessName[]> {
  const killed: ProcessName[] = [];
  while (!isOver(killed.length)) {
    await delay(everyMs);
    const victim = victimOf(killed.length);
    await topology.kill(victim);
    killed.push(victim);
    await delay(awayMs);
    await topology.restart(victim);
  }
  return killed;
}
