import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { parseJson } from '../../shared/platform/base/json.ts';
import type { App } from '../../shared/platform/config/config.ts';
import { LocalError } from '../local/localError.ts';
import { bodyOf, shown } from './gatewayAnswer.ts';
import { deploymentOrder, type GatewayAccess } from './target.ts';

/** Longer than the longest `?wait=`. */
const ANSWER_WITHIN_MS = 45_000;
/** The longest gate is five checks of half a minute each, after a cold start. */
const GATE_WITHIN_MS = 10 * 60_000;
const ASK_EVERY_MS = 1_000;

const problemSchema = z.object({ detail: z.string() });
const gateRunSchema = z.object({
  id: z.string(),
  status: z.enum(['running', 'passed', 'failed']),
  href: z.string().optional(),
  failedCheck: z.string().optional(),
  results: z.record(z.string(), z.looseObject({ error: z.string().optional() })).default({}),
});
type GateRun = z.infer<typeof gateRunSchema>;
const appsSchema = z.object({
  state: z.string(),
  result: z
    .object({
      facts: z.object({
        apps: z.array(
          z.object({
            app: z.string(),
            answers: z.boolean(),
            instances: z.array(z.object({ build: z.string() })),
          }),
        ),
      }),
    })
    .optional(),
});

/** What a deployment asks of a running gateway, through its public addresses. */
export interface GatewayClient {
  /** Runs a gate of the gateway. @throws LocalError when it does not pass or cannot run. */
  runGate(gate: string): Promise<void>;
  /** Waits until both apps answer and every instance runs `build`. @throws LocalError with the last state. */
  waitForBuild(build: string): Promise<void>;
  /** Returns the builds that the instances of both apps run. @throws LocalError when the gateway does not say it. */
  runningBuilds(): Promise<readonly string[]>;
  /** Raises an event under a key: a second call with the same key raises nothing. */
  raiseEvent(type: string, detail: Readonly<Record<string, unknown>>, key: string): Promise<void>;
}

export function gatewayClient(access: GatewayAccess, signal: AbortSignal): GatewayClient {
  const { origins, settlesWithinMs } = access;

  async function call(method: string, path: string, body?: unknown, key?: string): Promise<unknown> {
    const init: RequestInit = {
      method,
      headers: {
        authorization: `Bearer ${await access.token()}`,
        'content-type': 'application/json',
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    const { ok, status, answer } = await ask(origins.management + path, init);
    if (ok) return answer;
    const { detail } = problemSchema.safeParse(answer).data ?? { detail: 'no reason given' };
    throw new LocalError(`${method} ${path} was answered with status ${status}: ${shown(detail)}`);
  }

  /** @throws LocalError when no whole answer comes in time. */
  async function ask(
    url: string,
    init: RequestInit = {},
  ): Promise<{ readonly ok: boolean; readonly status: number; readonly answer: unknown }> {
    try {
      const timeout = AbortSignal.timeout(ANSWER_WITHIN_MS);
      // The token goes to the gateway alone.
      const until = { redirect: 'manual', signal: AbortSignal.any([signal, timeout]) } as const;
      const response = await fetch(url, { ...init, ...until });
      return { ok: response.ok, status: response.status, answer: parseJson(await bodyOf(response)) };
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof LocalError) throw cause;
      throw new LocalError(`nothing answers at ${url}`, { cause });
    }
  }

  async function isUp(app: App): Promise<boolean> {
    const { ok, answer } = await ask(`${origins[app]}/health`);
    return ok && typeof answer === 'object' && answer !== null && 'status' in answer;
  }

  /** Returns what the gateway says of its instances, or `undefined` when the answer cannot be read. */
  async function askForApps(): Promise<z.infer<typeof appsSchema> | undefined> {
    const asked = await call('POST', '/delegations?wait=30', { taskType: 'azure_container_deployment' });
    return appsSchema.safeParse(asked).data;
  }

  /** Returns what keeps the apps from being settled on the build, or undefined. */
  async function unsettled(build: string): Promise<string | undefined> {
    for (const app of deploymentOrder) {
      if (!(await isUp(app))) return `the ${app} app does not answer at ${origins[app]}/health`;
    }
    const seen = await askForApps();
    if (seen?.state !== 'succeeded' || !seen.result)
      return `the gateway did not say which builds run: its task is ${shown(seen?.state ?? 'not known')}`;
    for (const app of deploymentOrder) {
      const { answers = false, instances = [] } =
        seen.result.facts.apps.find((facts) => facts.app === app) ?? {};
      const others = instances.filter((instance) => instance.build !== build);
      if (!answers || instances.length === 0) return `no instance of the ${app} app has registered`;
      if (others.length > 0)
        return `an instance of the ${app} app runs build ${shown(others[0]?.build ?? '')}`;
    }
    return undefined;
  }

  return {
    async runGate(gate) {
      const until = Date.now() + GATE_WITHIN_MS;
      let run = readRun(await call('POST', `/quality-gates/${gate}/runs?wait=30`, {}), gate);
      const href = `/quality-gates/${gate}/runs/${encodeURIComponent(run.id)}`;
      while (run.status === 'running' && Date.now() < until) {
        await sleep(ASK_EVERY_MS, undefined, { signal });
        run = readRun(await call('GET', `${href}?wait=30`), gate);
      }
      if (run.status === 'passed') return;
      const check = run.failedCheck ?? 'a check';
      const why = run.results[check]?.error ?? `it is ${run.status}`;
      throw new LocalError(
        `the gate ${gate} did not pass: ${shown(`${check}: ${why}`)}. GET ${href} has the evidence`,
      );
    },
    async waitForBuild(build) {
      const until = Date.now() + settlesWithinMs;
      for (;;) {
        const reason = await unsettled(build).catch((error: unknown) => {
          if (error instanceof LocalError) return error.message;
          throw error;
        });
        if (reason === undefined) return;
        if (Date.now() > until)
          throw new LocalError(
            `after ${Math.round(settlesWithinMs / 1_000)} s the apps do not run build ${build}: ${reason}`,
          );
        await sleep(ASK_EVERY_MS, undefined, { signal });
      }
    },
    async runningBuilds() {
      const apps = (await askForApps())?.result?.facts.apps;
      if (!apps) throw new LocalError('the gateway did not say which builds run');
      return apps.flatMap(({ instances }) => instances.map(({ build }) => shown(build)));
    },
    async raiseEvent(type, detail, key) {
      await call('POST', '/events', { type, detail }, key);
    },
  };
}

function readRun(answer: unknown, gate: string): GateRun {
  const run = gateRunSchema.safeParse(answer);
  if (run.success) return run.data;
  throw new LocalError(`the gateway's answer about the gate ${gate} is no run of a gate`);
}
