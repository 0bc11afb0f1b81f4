import { taskTypes } from '../../shared/orchestration/agents/routing.ts';
import { type Agent, agentNames, agents } from '../../shared/orchestration/model/agents.ts';
import { type Task, taskSchemas } from '../../shared/orchestration/tasks/task.ts';
import type { TaskCatalogue } from '../../shared/orchestration/tasks/taskCatalogue.ts';
import type { Example, Examples } from './examples.ts';
import { type Field, fieldsOf, typeOf } from './fields.ts';

/**
 * Renders the pages of the agents from their tasks and from recorded examples: an index and a page for each agent, by their paths
 * below `docs/`.
 */
export function renderAgentDocs(catalogue: TaskCatalogue, examples: Examples): ReadonlyMap<string, string> {
  const common = catalogue
    .of('mcp-debugger')
    .filter((task) => agentNames.every((agent) => isAlike(task, catalogue.find(agent, task.name))));
  const names = new Set(common.map(({ name }) => name));
  const own = (agent: Agent) => catalogue.of(agent).filter(({ name }) => !names.has(name));
  const index = [
    intro,
    ...agentNames.map((agent) => indexEntry(agent, own(agent))),
    '## What every agent can do',
    ...common.map((task) => renderTask(task, examples['mcp-debugger']?.[task.name], '')),
  ];
  return new Map([
    ['agents.md', index.join('\n\n')],
    ...agentNames.map(
      (agent) => [pageOf(agent), renderAgent(agent, own(agent), examples[agent] ?? {})] as const,
    ),
  ]);
}

const pageOf = (agent: Agent): string => `agents/${agent}.md`;

const GENERATED =
  'This page is made from the code by `npm run docs`, and a test fails when it is not up to date.';

const intro = `# What each agent can do

${GENERATED}
The same is at \`GET /agents/{agent}/tasks\`, as JSON Schema. Each agent has a page with the input, the output and an
example of each of its tasks.

Ask for a task with \`POST /delegations\`. [Delegations](orchestration.md#delegations) explains \`task\` and \`taskType\`. Some names
are older than this gateway and name a part that it does not have. The table says what the task looks at here.

Most results have **findings**. Each finding names the \`rule\` that found it, its \`severity\`, a \`message\`, the \`evidence\` and a
\`remedy\`. A \`critical\` finding breaks something for users now. A \`warning\` will or may break something. An \`info\` is good to know.
A finding whose evidence has \`server\` or \`servers\` is about registered servers and not about the gateway.

Each task names the permissions that its **result takes**. You need them to ask for the task and to read its result: see [who may
see a result](orchestration.md#who-may-see-a-result). Examples are results of real runs. Long parts are cut at \`…\`.`;

const isAlike = (task: Task, other: Task | undefined): boolean =>
  other !== undefined &&
  other.description === task.description &&
  other.permissions.join() === task.permissions.join() &&
  JSON.stringify(taskSchemas(other)) === JSON.stringify(taskSchemas(task));

/** The row of each task is the first sentence of its description. */
function indexEntry(agent: Agent, tasks: readonly Task[]): string {
  const rows = tasks.map(
    ({ name, description }) =>
      `| [\`${name}\`](${pageOf(agent)}#${name}) | ${cell(firstSentence(description))} |`,
  );
  return [
    `## [${agent}](${pageOf(agent)})`,
    `At home in the ${agents[agent]} app.`,
    ...(rows.length > 0 ? [['| task | what it does |', '| --- | --- |', ...rows].join('\n')] : []),
  ].join('\n\n');
}

const firstSentence = (text: string): string => /^.*?\.(?=\s|$)/.exec(text)?.[0] ?? text;

function renderAgent(
  agent: Agent,
  tasks: readonly Task[],
  examples: Readonly<Record<string, Example>>,
): string {
  return [
    `# ${agent}`,
    `${GENERATED} [All agents](../agents.md) explains how to ask for a task and how to read a finding.`,
    `At home in the ${agents[agent]} app.`,
    ...tasks.map((task) => renderTask(task, examples[task.name], '../')),
  ].join('\n\n');
}

/** `toDocs` leads from the page to the folder `docs`. */
function renderTask(task: Task, example: Example | undefined, toDocs: string): string {
  const { name, description, permissions, timeoutMs, planOnly } = task;
  const { input, output } = taskSchemas(task);
  const notes = [
    `Within ${timeoutMs / 1000} seconds.`,
    `Its result takes ${permissions.map((permission) => `\`${permission}\``).join(' and ')}.`,
    ...(taskTypes.some((type) => type === name)
      ? [`Its name is also a [\`taskType\`](${toDocs}orchestration.md#delegations).`]
      : []),
    ...(planOnly ? ['A step of a named plan only.'] : []),
  ];
  const answered = fieldsOf(output);
  return [
    `${toDocs === '' ? '###' : '##'} \`${name}\``,
    description,
    notes.join(' '),
    ...section('Takes', fieldsOf(input)),
    ...(answered.length > 0 ? section('Answers', answered) : [`Answers: ${typeOf(output)}.`]),
    ...(example ? [`\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\``] : []),
  ].join('\n\n');
}

function section(title: string, fields: readonly Field[]): readonly string[] {
  if (fields.length === 0) return [`${title} nothing.`];
  const rows = fields.map(({ name, type, description, default: value, isOptional }) => {
    const more = value === undefined ? (isOptional ? ' (optional)' : '') : ` (${value} when absent)`;
    return `| \`${name}\` | ${cell(type + more)} | ${cell(description)} |`;
  });
  return [[`| ${title.toLowerCase()} | type | |`, '| --- | --- | --- |', ...rows].join('\n')];
}

/** Escapes the marks of Markdown in a text, also for a cell of a table. */
const cell = (text: string): string =>
  text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('{', '\\{').replaceAll('<', '&lt;');
