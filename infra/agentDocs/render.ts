import { agentNames, agents, type Agent } from '../../shared/orchestration/model/agents.ts';
import { taskTypes } from '../../shared/orchestration/agents/routing.ts';
import type { Task } from '../../shared/orchestration/tasks/task.ts';
import type { TaskCatalogue } from '../../shared/orchestration/tasks/taskCatalogue.ts';
import { taskSchemas } from '../../shared/orchestration/tasks/taskSchemas.ts';
import type { Example, Examples } from './examples.ts';
import { type Field, fieldsOf, typeOf } from './fields.ts';

/** `docs/agents.md` as Markdown, from what the agents can do and what they once answered. */
export function renderAgentDocs(catalogue: TaskCatalogue, examples: Examples): string {
  const common = catalogue
    .of('mcp-debugger')
    .filter((task) => agentNames.every((agent) => isAlike(task, catalogue.find(agent, task.name))));
  const names = new Set(common.map(({ name }) => name));
  return [
    intro,
    ...agentNames.map((agent) =>
      renderAgent(
        agent,
        catalogue.of(agent).filter(({ name }) => !names.has(name)),
        examples[agent] ?? {},
      ),
    ),
    '## What every agent can do',
    ...common.map((task) => renderTask(task, examples['mcp-debugger']?.[task.name])),
  ].join('\n\n');
}

const intro = `# What each agent can do

This file is made from the code by \`node infra/agentDocs/main.ts\`, and a test fails when it is not up to date. The same is at
\`GET /agents/{agent}/tasks\`, as JSON Schema.

Ask for a task with \`POST /delegations\`, as \`{"agent": …, "task": …, "input": …}\`; where its name is a type of task,
\`{"taskType": …, "input": …}\` does it too. A task whose line says so runs as a step of a named plan only. Most results have
**findings**: each names the \`rule\` that found it, its \`severity\` (\`critical\` breaks something for users now, a \`warning\` will
or may, an \`info\` is good to know), a \`message\`, the \`evidence\` and a \`remedy\`. Each task names the permissions that its
**result takes**, to ask for the task and to read its result: see [who may see a
result](orchestration.md#who-may-see-a-result). Examples are results of real runs; what is long in them is cut short at \`…\`.`;

const isAlike = (task: Task, other: Task | undefined): boolean =>
  other !== undefined &&
  other.description === task.description &&
  other.permissions.join() === task.permissions.join() &&
  JSON.stringify(taskSchemas(other)) === JSON.stringify(taskSchemas(task));

function renderAgent(
  agent: Agent,
  tasks: readonly Task[],
  examples: Readonly<Record<string, Example>>,
): string {
  const lines = tasks.map(
    ({ name, description }) => `| [\`${name}\`](#${anchor(agent, name)}) | ${cell(description)} |`,
  );
  return [
    `## ${agent}`,
    `At home in the ${agents[agent]} app.`,
    ...(lines.length > 0 ? [['| task | what it does |', '| --- | --- |', ...lines].join('\n')] : []),
    ...tasks.map(
      (task) => `<a id="${anchor(agent, task.name)}"></a>\n\n${renderTask(task, examples[task.name])}`,
    ),
  ].join('\n\n');
}

/** Several agents may have a task of one name. */
const anchor = (agent: Agent, task: string): string => `${agent}-${task}`;

function renderTask(task: Task, example: Example | undefined): string {
  const { name, description, permissions, timeoutMs, planOnly } = task;
  const { input, output } = taskSchemas(task);
  const notes = [
    `Within ${timeoutMs / 1000} seconds.`,
    `Its result takes ${permissions.map((permission) => `\`${permission}\``).join(' and ')}.`,
    ...(taskTypes.some((type) => type === name) ? ['It is a type of task.'] : []),
    ...(planOnly ? ['A step of a named plan only.'] : []),
  ];
  const answered = fieldsOf(output);
  return [
    `### \`${name}\``,
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

/** Markdown's own marks in a text are text, in a cell of a table too. */
const cell = (text: string): string =>
  text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('{', '\\{').replaceAll('<', '&lt;');
