import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const targetsSchema = z.tuple([z.object({ webSocketDebuggerUrl: z.string() })]);
const answerSchema = z.object({ id: z.number(), result: z.unknown() });

interface Node {
  readonly selfSize: number;
  readonly children: readonly Node[];
}
const nodeSchema: z.ZodType<Node> = z.object({
  selfSize: z.number(),
  children: z.array(z.lazy(() => nodeSchema)),
});
const profileSchema = z.object({ profile: z.object({ head: nodeSchema }) });

/** A client of the inspector of a process of Node. */
export interface Inspector {
  /** Sends a command of the Chrome DevTools protocol and returns its result. */
  ask(method: string, params?: object): Promise<unknown>;
  /** Of the answer to `HeapProfiler.stopSampling`. */
  sampledBytes(answer: unknown): number;
  close(): void;
}

/** @throws if no process opens its inspector on this port within 5 seconds */
export async function openInspector(port: number): Promise<Inspector> {
  const socket = new WebSocket(await addressOf(port));
  await once(socket, 'open');
  let asked = 0;
  return {
    async ask(method, params = {}) {
      const id = ++asked;
      socket.send(JSON.stringify({ id, method, params }));
      for (;;) {
        const [{ data }] = (await once(socket, 'message')) as [{ data: unknown }];
        const answer = answerSchema.safeParse(JSON.parse(String(data)));
        if (answer.data?.id === id) return answer.data.result;
      }
    },
    sampledBytes: (answer) => sizeOf(profileSchema.parse(answer).profile.head),
    close: () => {
      socket.close();
    },
  };
}

const sizeOf = ({ selfSize, children }: Node): number =>
  children.reduce((sum, child) => sum + sizeOf(child), selfSize);

async function addressOf(port: number): Promise<string> {
  for (let tries = 0; ; tries++) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/json`);
      return targetsSchema.parse(await response.json())[0].webSocketDebuggerUrl;
    } catch (error) {
      if (tries === 50) throw error;
      await delay(100);
    }
  }
}
