import { homedir, hostname } from 'node:os';
import { type Agent, agentNames } from '../../shared/orchestration/model/agents.ts';
import type { Task } from '../../shared/orchestration/tasks/task.ts';
import type { TaskCatalogue } from '../../shared/orchestration/tasks/taskCatalogue.ts';
import { type Ports, portsFor } from '../local/defaults.ts';
import { root } from '../local/processes.ts';
import type { Topology } from '../local/topology.ts';

/** The input of a task and its recorded output. */
export interface Example {
  readonly input: unknown;
  readonly result: unknown;
}
export type Examples = Readonly<Partial<Record<Agent, Readonly<Record<string, Example>>>>>;

/** Inputs for tasks whose defaults give a poor example. */
const inputs = ({ urls }: Topology): Readonly<Record<string, unknown>> => ({
  validate_server_config: { url: urls.toolbox },
  probe: { echo: 'hello' },
});

/** Runs each task as an administrator's delegation and waits for it. A task that fails is reported and has no example. */
export async function runExamples(
  topology: Topology,
  catalogue: TaskCatalogue,
  say: (line: string) => void,
): Promise<Examples> {
  const token = await topology.mint({ role: 'Admin' });
  const call = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(topology.urls.management + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return (await response.json()) as Record<string, unknown>;
  };
  // With the token in a session, agents can inspect servers that need one.
  const { id: sessionId } = await call('/sessions', { keepToken: true });
  const replacements = [...ofMachine, ...ofPorts(topology.ports)];
  const examples: Partial<Record<Agent, Record<string, Example>>> = {};
  for (const agent of agentNames) {
    const open = catalogue.of(agent).filter((task) => hasExample(agent, task));
    for (const { name } of open) {
      const input = inputs(topology)[name] ?? {};
      const begun = await call('/delegations', { agent, task: name, input, sessionId });
      const ended = await call(`${String(begun['href'])}?wait=30`);
      if (ended['state'] === 'succeeded')
        (examples[agent] ??= {})[name] = {
          input: trimmed(input, replacements),
          result: trimmed(ended['result'], replacements),
        };
      else say(`${agent} ${name}: ${JSON.stringify(ended['error'] ?? begun)}`);
    }
  }
  return examples;
}

/** Tasks of every agent are shown once. Tasks that handle an event need one that has happened. */
function hasExample(agent: Agent, { name, planOnly }: Task): boolean {
  if (planOnly || name.startsWith('handle_')) return false;
  return name !== 'probe' || agent === 'mcp-debugger';
}

const MOST_ITEMS = 2;
const MOST_KEYS = 12;
const MOST_CHARACTERS = 160;

/** Replacements for names of the machine on which the examples were recorded. */
type Replacements = readonly (readonly [string, string])[];

const ofMachine: Replacements = [
  [root, '/app'],
  [homedir(), '/home'],
  [hostname(), 'host'],
];

/** Replaces the ports of this run by those of `npm start`. */
const ofPorts = (ports: Ports): Replacements => {
  const usual: Readonly<Record<string, number>> = portsFor(0);
  return Object.entries(ports).map(([name, port]) => [
    `127.0.0.1:${port}`,
    `127.0.0.1:${usual[name] ?? port}`,
  ]);
};

/** Shortens a value so that a reader can take it in. */
export function trimmed(value: unknown, replacements: Replacements = ofMachine): unknown {
  if (typeof value === 'string') {
    const text = replacements.reduce((shown, [from, to]) => shown.replaceAll(from, to), value);
    return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
  }
  if (Array.isArray(value)) {
    const kept = value.slice(0, MOST_ITEMS).map((item) => trimmed(item, replacements));
    return value.length > MOST_ITEMS ? [...kept, `… ${value.length - MOST_ITEMS} more`] : kept;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const kept = entries.slice(0, MOST_KEYS).map(([key, inner]) => [key, trimmed(inner, replacements)]);
  const more = entries.length > MOST_KEYS ? [['…', `${entries.length - MOST_KEYS} more`]] : [];
  return Object.fromEntries([...kept, ...more]) as unknown;
}
