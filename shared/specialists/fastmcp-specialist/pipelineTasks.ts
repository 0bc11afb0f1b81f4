import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { reportSchema, verdict, verdictSchema } from '../finding.ts';
import { lookAtApp } from '../lookAtApp.ts';
import { walkPipeline } from './pipeline.ts';

const agent = 'fastmcp-specialist';
const input = z.strictObject({});

export const pipelineTasks = (deps: SpecialistDeps): readonly Task[] => [
  defineTask({
    name: 'middleware_chain_setup',
    permissions: ['delegations.read'],
    agent,
    description:
      'Walks probe requests through the request pipeline of the mcp app over HTTP and in process (reachable, origin, token, permission, body, era, catalogue, upstream), and reports of each stage what it answered, what it must answer, and its time.',
    timeoutMs: 30_000,
    input,
    output: reportSchema,
    async run(_, helpers) {
      const { facts, findings } = await walkPipeline(deps, helpers);
      const wrong = findings.filter(({ severity }) => severity !== 'info');
      return succeed({
        summary:
          wrong[0] === undefined
            ? 'Every stage that could be walked answers as it must.'
            : `${wrong.length} stages do not answer as they must; the first: ${wrong[0].message}.`,
        facts,
        findings: [...findings],
      });
    },
  }),
  defineTask({
    name: 'middleware_chain_validation',
    permissions: ['delegations.read'],
    agent,
    description:
      'Passes when every stage of the request pipeline of the mcp app answers its probe as it must; with the token of the session those behind sign-in too.',
    timeoutMs: 30_000,
    input,
    output: verdictSchema,
    async run(_, helpers) {
      const { facts, findings } = await walkPipeline(deps, helpers);
      return succeed(verdict(findings, facts));
    },
  }),
  defineTask({
    name: 'mcp_server_health',
    permissions: ['system.read'],
    agent,
    description:
      'Passes when the endpoints of the mcp app answer as they must and every table and the short-lived state answer it.',
    timeoutMs: 10_000,
    input,
    output: verdictSchema,
    async run(_, helpers) {
      const { facts, findings } = await lookAtApp('mcp', deps, helpers);
      return succeed(verdict(findings, facts));
    },
  }),
];
