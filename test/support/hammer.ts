import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What became of one request: `refused` before any byte of an answer, or `broken` by something else. */
export type Outcome = 'answered' | 'refused' | 'hung' | `broken: ${string}`;

export interface HammerRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  /** Whether this body is the answer, whole. */
  readonly isWhole: (body: string) => boolean;
}

const WORKERS = 20;
const HUNG_MS = 10_000;
/** Between two tries of a worker that was refused. */
const PAUSE_MS = 10;

/** Sends requests over kept connections until `enough`; resolves to how many had each outcome. */
export async function hammer(
  { isWhole, ...call }: HammerRequest,
  enough: (outcomes: ReadonlyMap<Outcome, number>) => boolean,
): Promise<ReadonlyMap<Outcome, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: WORKERS });
  const outcomes = new Map<Outcome, number>();
  const work = async () => {
    while (!enough(outcomes)) {
      const outcome = await send(agent, call, isWhole);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (outcome !== 'answered') await sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  agent.destroy();
  return outcomes;
}

function send(
  agent: Agent,
  { url, method, headers, body }: Omit<HammerRequest, 'isWhole'>,
  isWhole: (body: string) => boolean,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const sent = request(url, { method, headers, agent });
    const hanging = setTimeout(() => {
      resolve('hung');
      sent.destroy();
    }, HUNG_MS);
    let bytesBefore = 0;
    sent.once('socket', ({ bytesRead }) => (bytesBefore = bytesRead));
    sent.once('response', (response) => {
      void readWhole(response).then((text) => {
        if (text === undefined) resolve('broken: cut off');
        else resolve(isWhole(text) ? 'answered' : `broken: ${response.statusCode ?? 0} ${text}`);
      });
    });
    sent.once('error', (error: NodeJS.ErrnoException) => {
      const nothingCame = (sent.socket?.bytesRead ?? 0) === bytesBefore;
      const isRefusal = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error.code ?? '');
      resolve(nothingCame && isRefusal ? 'refused' : `broken: ${error.message}`);
    });
    sent.once('close', () => {
      clearTimeout(hanging);
    });
    sent.end(body);
  });
}

async function readWhole(response: IncomingMessage): Promise<string | undefined> {
  let text = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
  } catch {
    return undefined;
  }
  return response.complete ? text : undefined;
}
